# shellcheck shell=sh
# Logs are forwarded over TCP, the daemon runs and its configuration is valid, but nobody answers at the target.
# parent: good
# mode: systemd
# verdict: linux-logs-leave-host=fail
# because: a TCP action without a connection is suspended (rsyslogd says so in its log), so no message leaves; the
# because: configuration alone, which greps look at, is as on the host whose messages arrive.
# proof: rsyslogd -N1 2>/dev/null && systemctl is-active -q rsyslog && ! ss -Htn state established dst 10.77.0.1 | grep -q 10.77.0.1:7514
sed -i 's/6514/7514/' /etc/rsyslog.d/90-forward.conf
