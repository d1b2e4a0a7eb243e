# shellcheck shell=sh
# Everything is forwarded, after a rule that gives sshd's messages a file of their own and stops there.
# parent: good
# mode: systemd
# verdict: linux-logs-leave-host=fail
# because: rsyslog.conf(5): files are read in the order of their names, and what `stop` ends reaches no later rule, so
# because: the forward that stands in 90-forward.conf sends everything but the logins.
# proof: logger -t sshd -p authpriv.info hc-tricky-mark; sleep 1; grep -q hc-tricky-mark /var/log/sshd.log && ! grep -q hc-tricky-mark /var/log/auth.log
put /etc/rsyslog.d/30-sshd.conf <<'END'
if $programname == "sshd" then {
  action(type="omfile" file="/var/log/sshd.log")
  stop
}
END
