# shellcheck shell=sh
# Words the profiles are written with. A profile is read by sh -eu as root inside the host's root, with no network,
# before the host boots; /mnt/assets holds what repo.sh and lab.sh made for this lab.

put() { # put PATH [MODE]: the file PATH holds what stands on standard input
  mkdir -p "$(dirname "$1")"
  cat >"$1"
  chmod "${2:-644}" "$1"
}

account() { # account NAME [USERADD-OPTION..]: a person; no usable password yet
  account_name=$1
  shift
  useradd -m -s /bin/bash "$@" "$account_name"
}

password() { # password NAME [METHOD]: the lab's own throw-away password
  echo "$1:$(cat /mnt/assets/password)" | chpasswd -c "${2:-YESCRYPT}"
}

scan_account() { # svc_hc, which hardencheck logs in as
  account svc_hc
  put /home/svc_hc/.ssh/authorized_keys 600 </mnt/assets/id.pub
  chmod 700 /home/svc_hc/.ssh
  chown -R svc_hc: /home/svc_hc/.ssh
  echo 'svc_hc ALL=(root) NOPASSWD: ALL' | put /etc/sudoers.d/hardencheck 440
}

debian_mirror() { # packages come from signed repositories on the host itself: apt works without a network
  cp -r /mnt/assets/repo/debian /mnt/assets/repo/debian-security /srv/
  put /usr/share/keyrings/hardencheck-lab.gpg </mnt/assets/keyring.gpg
  put /etc/apt/sources.list.d/debian.sources <<'END'
Types: deb
URIs: file:/srv/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/hardencheck-lab.gpg

Types: deb
URIs: file:/srv/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/hardencheck-lab.gpg
END
  apt-get -qq update
}

old_release() { # the release of hc-demo that debian-security has a fix for
  dpkg --install /mnt/assets/hc-demo_1.0-1_all.deb >/dev/null
}

quiet_lab() { # nothing may start on its own in the middle of a test; the timers stay as the profile sets them
  for job in apt-daily apt-daily-upgrade dailyaidecheck; do
    put "/etc/systemd/system/$job.service.d/hardencheck-lab.conf" <<'END'
[Unit]
ConditionPathExists=/nonexistent/hardencheck-lab-starts-no-jobs
END
  done
}

knock_tool() { # lab-knock PORT [container]: `open` when a connection from outside gets to PORT, or to 172.17.0.2:80
  put /usr/sbin/lab-knock 755 <<'END'
#!/bin/sh
# Two network namespaces stand for a host outside and for a container; a server answers at PORT and in the container.
port=$1
clean() { ip netns del knock-out; ip netns del knock-in; ip link del docker0; kill "$server" "$inner"; } 2>/dev/null
trap clean EXIT
ip netns add knock-out && ip netns add knock-in || exit 2
ip link add knock0 type veth peer name eth0 netns knock-out
ip addr add 10.99.0.1/30 dev knock0 && ip link set knock0 up
ip -n knock-out addr add 10.99.0.2/30 dev eth0 && ip -n knock-out link set eth0 up
ip link add docker0 type veth peer name eth0 netns knock-in
ip addr add 172.17.0.1/16 dev docker0 && ip link set docker0 up
ip -n knock-in addr add 172.17.0.2/16 dev eth0 && ip -n knock-in link set eth0 up
ip -n knock-in route add default via 172.17.0.1
sysctl -qw net.ipv4.ip_forward=1
serve='import socket, sys
server = socket.create_server(("", int(sys.argv[1])))
while True: server.accept()[0].sendall(b"here\n")'
[ -n "$2" ] || python3 -c "$serve" "$port" & server=$!
ip netns exec knock-in python3 -c "$serve" 80 & inner=$!
ip netns exec knock-out python3 -c 'import socket, sys, time
for attempt in range(3):
    try:
        with socket.create_connection(("10.99.0.1", int(sys.argv[1])), 1) as made:
            if made.recv(9) == b"here\n": sys.exit(print("open"))
    except OSError: time.sleep(0.3)
print("closed")' "$port"
END
}

gnome_lock() { # gnome_lock DB SECONDS: a GNOME desk; dconf's key files for DB lock its screen, and nobody compiled them yet
  put /usr/share/xsessions/gnome.desktop <<'END'
[Desktop Entry]
Exec=gnome-session
DesktopNames=GNOME
END
  printf 'user-db:user\nsystem-db:local\n' | put /etc/dconf/profile/user
  put "/etc/dconf/db/$1.d/00-site" <<END
[org/gnome/desktop/session]
idle-delay=uint32 $2
[org/gnome/desktop/screensaver]
lock-enabled=true
lock-delay=uint32 0
[org/gnome/desktop/lockdown]
disable-lock-screen=false
END
  put "/etc/dconf/db/$1.d/locks/00-site" <<'END'
/org/gnome/desktop/session/idle-delay
/org/gnome/desktop/screensaver/lock-enabled
/org/gnome/desktop/screensaver/lock-delay
/org/gnome/desktop/lockdown/disable-lock-screen
END
}
