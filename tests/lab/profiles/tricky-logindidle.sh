# shellcheck shell=sh
# No shell has a time-out, but logind ends every session after fifteen idle minutes.
# parent: good
# mode: systemd
# verdict: linux-idle-shell-ends=pass
# because: logind.conf(5): StopIdleSessionSec= ends a session that was idle for so long, whatever shell it runs.
# because: systemd.conf(5): a drop-in in /etc wins over the main file, and its name sorts last.
# proof: busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager StopIdleSessionUSec | grep -qx 't 900000000'
rm /etc/profile.d/tmout.sh
printf '[Login]\nStopIdleSessionSec=infinity\n' | put /usr/lib/systemd/logind.conf.d/50-vendor.conf
printf '[Login]\nStopIdleSessionSec=15min\n' | put /etc/systemd/logind.conf.d/90-idle.conf
