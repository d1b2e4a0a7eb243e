# shellcheck shell=sh
# rsyslog is connected to the log server, but journald hands only errors over, and no login is one.
# parent: good
# mode: systemd
# verdict: linux-logs-leave-host=fail
# because: journald.conf(5): MaxLevelSyslog= is the highest level that is forwarded; sshd reports logins as info, sudo its
# because: commands as notice, and err leaves both behind.
# proof: logger -p authpriv.info hc-tricky-mark; sleep 1; ! grep -s hc-tricky-mark /var/log/auth.log
put /etc/systemd/journald.conf.d/50-level.conf <<'END'
[Journal]
MaxLevelSyslog=err
END
