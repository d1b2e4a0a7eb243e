# shellcheck shell=sh
# telnetd's package is not there and no daemon runs, but a socket unit waits for telnet and starts a shell.
# parent: good
# mode: systemd
# verdict: linux-unneeded-services-absent=fail
# because: systemd.socket(5): an enabled socket unit listens at boot and starts its service on the first connection; the
# because: lists of processes and of packages show nothing of it.
# proof: ss -Hltn sport = :23 | grep -q :23
put /etc/systemd/system/telnet.socket <<'END'
[Socket]
ListenStream=23
Accept=yes
[Install]
WantedBy=sockets.target
END
put /etc/systemd/system/telnet@.service <<'END'
[Service]
ExecStart=/bin/sh -i
StandardInput=socket
END
systemctl -q enable telnet.socket
