# shellcheck shell=sh
# A desk that nobody looked after: as many faults at once as one host can have and still be scanned.
# parent: base
# flips: (nearly everything)
scan_account
account agent1 && passwd -q -d agent1                     # empty password
account agent2 && password agent2 MD5                     # $1$ hash, never expires
useradd -o -u 0 -M -s /bin/bash toor && password toor DES # second root, DES hash
account helpdesk && password helpdesk
echo 'helpdesk ALL=(ALL) NOPASSWD: ALL' | put /etc/sudoers.d/helpdesk 440
for account_name in agent1 agent2 toor helpdesk; do chage -M 99999 "$account_name"; done
account ext-support && password ext-support               # a vendor's account without an end, left over
chage -d "$(date -d '200 days ago' +%F)" ext-support
sed -i 's/^PASS_MAX_DAYS.*/PASS_MAX_DAYS 99999/; s/^PASS_MIN_DAYS.*/PASS_MIN_DAYS 0/' /etc/login.defs
sed -i 's/ yescrypt$/ md5/' /etc/pam.d/common-password

put /etc/ssh/sshd_config.d/10-convenient.conf <<'END'
PermitRootLogin yes
PasswordAuthentication yes
PermitEmptyPasswords yes
X11Forwarding yes
END

debian_mirror
old_release
put /etc/systemd/system/share.service <<'END'
[Unit]
Description=a file share that somebody once needed
[Service]
DynamicUser=yes
ExecStart=/usr/bin/python3 -m http.server --directory /srv 8080
[Install]
WantedBy=multi-user.target
END
systemctl -q enable share.service
systemctl -q mask nftables.service
quiet_lab
