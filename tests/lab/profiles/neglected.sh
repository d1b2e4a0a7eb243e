# shellcheck shell=sh
# A desk with every package that the good one has and none of it set up: whatever a playbook can mend is broken here.
# parent: full
# flips: (nearly everything)
scan_account
account agent1 && password agent1
account itadmin -G sudo && password itadmin

# Passwords: nothing looks at new ones, and they are hashed as thirty years ago
pam-auth-update --remove pwquality && echo pwquality >>/var/lib/pam/seen    # taken out for good, not new
sed -i 's/ yescrypt$/ md5/' /etc/pam.d/common-password
sed -i 's/^ENCRYPT_METHOD.*/ENCRYPT_METHOD MD5/' /etc/login.defs
printf 'minlen = 8\nucredit = 1\n' | put /etc/security/pwquality.conf

put /etc/ssh/sshd_config.d/10-convenient.conf <<'END'
PermitRootLogin yes
PasswordAuthentication yes
PermitEmptyPasswords yes
END

# Patches: a fix is waiting, lists are of two months ago, and nothing fetches them
debian_mirror
old_release
rm -r /srv/debian-security /var/lib/apt/lists
cp -r /mnt/assets/repo/stale /srv/debian-security
apt-get -qq -o Acquire::Check-Valid-Until=false update
find /var/lib/apt/lists -exec touch -d '-60 days' {} +
rm -r /srv/debian-security
cp -r /mnt/assets/repo/debian-security /srv/
put /etc/apt/apt.conf.d/20auto-upgrades <<'END'
APT::Periodic::Update-Package-Lists "0";
APT::Periodic::Unattended-Upgrade "0";
END
systemctl -q disable apt-daily.timer apt-daily-upgrade.timer

# Drivers of all that should stay out of a desk: empty files, but depmod and modprobe take them for real
for tree in /lib/modules/*; do
  [ ! -L "$tree" ] || continue
  for driver in net/bluetooth/bluetooth media/usb/uvc/uvcvideo media/usb/gspca/gspca_main firewire/firewire-core \
    firewire/firewire-ohci thunderbolt/thunderbolt net/usb/cdc_ether net/usb/rndis_host net/usb/cdc_ncm net/usb/ipheth; do
    mkdir -p "$(dirname "$tree/kernel/$driver")"
    : >"$tree/kernel/$driver.ko"
    echo "kernel/$driver.ko:" >>"$tree/modules.dep"
  done
  depmod "${tree##*/}" 2>/dev/null || true
done

# A GNOME desk that never locks and mounts what is put in
gnome_lock local 0
rm -r /etc/dconf/db/local.d /etc/dconf/profile/user
put /usr/libexec/udisks2/udisksd 755 </dev/null

# Services that nobody needs: one listens to everybody, one waits for telnet, one came with a package
put /etc/systemd/system/share.service <<'END'
[Unit]
Description=a file share that somebody once needed
[Service]
DynamicUser=yes
ExecStart=/usr/bin/python3 -m http.server --directory /srv 8080
[Install]
WantedBy=multi-user.target
END
put /etc/systemd/system/telnet.socket <<'END'
[Socket]
ListenStream=23
Accept=yes
[Install]
WantedBy=sockets.target
END
put /etc/systemd/system/telnet@.service <<'END'
[Service]
ExecStart=/bin/true
StandardInput=socket
END
systemctl -q enable share.service telnet.socket
put /tmp/talkd/DEBIAN/control <<'END'
Package: talkd
Version: 1.0
Architecture: all
Maintainer: hardencheck lab <lab@example.invalid>
Description: stand-in for a package that no desk needs
END
dpkg-deb --build /tmp/talkd /tmp/talkd.deb >/dev/null
dpkg --install /tmp/talkd.deb >/dev/null
rm -r /tmp/talkd /tmp/talkd.deb

systemctl -q mask nftables.service
systemctl -q disable rsyslog.service chrony.service dailyaidecheck.timer
quiet_lab
