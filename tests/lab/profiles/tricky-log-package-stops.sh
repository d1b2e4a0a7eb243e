# shellcheck shell=sh
# Packages put rules before the forward that end the way of their own messages; logins are not among them.
# parent: good
# mode: systemd
# verdict: linux-logs-leave-host=pass
# because: haproxy, cloud-init and ufw ship such rules; a filter for their names selects nothing that sshd or sudo write.
# proof: logger -t sshd -p authpriv.info hc-tricky-mark; logger -t haproxy hc-tricky-proxy; sleep 1; grep -q hc-tricky-mark /var/log/auth.log && ! grep -q hc-tricky-proxy /var/log/syslog
put /etc/rsyslog.d/20-packages.conf <<'END'
:programname, startswith, "haproxy" {
  /var/log/haproxy.log
  stop
}
:syslogtag, isequal, "[CLOUDINIT]" /var/log/cloud-init.log
& stop
:msg,contains,"[UFW " /var/log/ufw.log
& stop
END
