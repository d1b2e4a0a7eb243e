# shellcheck shell=sh
# A forgotten web server, reachable: its port is open in the firewall (systemd hosts only).
# parent: good
# flips: linux-listeners-allowed
sed -i 's/tcp dport 22 accept/tcp dport { 22, 8080 } accept/' /etc/nftables.conf
put /etc/systemd/system/share.service <<'END'
[Unit]
Description=a file share that somebody once needed
[Service]
DynamicUser=yes
ExecStart=/usr/bin/python3 -m http.server --bind 0.0.0.0 --directory /srv 8080
[Install]
WantedBy=multi-user.target
END
systemctl -q enable share.service
