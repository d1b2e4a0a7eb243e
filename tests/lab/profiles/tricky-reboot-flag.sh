# shellcheck shell=sh
# A package asked for a restart 30 days ago; the flag has stood there since, and all updates are installed.
# parent: good
# mode: systemd
# verdict: linux-reboot-not-pending=fail linux-security-updates-installed=pass linux-kernel-newest-running=notapplicable
# because: Debian Policy and update-notifier: /run/reboot-required stays until the restart, as /run is emptied then
# because: a container has no kernel of its own, yet its services run the old libraries until it restarts
# proof: test -n "$(find /run/reboot-required -mtime +28)"
put /etc/systemd/system/lab-reboot-flag.service <<'END'
[Unit]
DefaultDependencies=no
After=systemd-tmpfiles-setup.service
Before=ssh.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo libc6 >/run/reboot-required.pkgs; touch -d "-30 days" /run/reboot-required'
[Install]
WantedBy=multi-user.target
END
systemctl -q enable lab-reboot-flag.service
