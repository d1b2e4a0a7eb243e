# shellcheck shell=sh
# rsyslog runs and is told to forward everything, but journald hands no message over to it.
# parent: good
# mode: systemd
# verdict: linux-logs-leave-host=fail
# because: journald.conf(5): with ForwardToSyslog=no nothing reaches /run/systemd/journal/syslog, where rsyslog's imuxsock
# because: listens below systemd; of logins and sudo it then knows nothing, whatever its own rules say.
# proof: logger -p authpriv.info hc-tricky-mark; sleep 1; ! grep -s hc-tricky-mark /var/log/auth.log
put /etc/systemd/journald.conf.d/50-quiet.conf <<'END'
[Journal]
ForwardToSyslog=no
END
