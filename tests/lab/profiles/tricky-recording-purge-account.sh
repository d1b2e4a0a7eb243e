# shellcheck shell=sh
# A nightly job deletes old recordings, but as an account that may not: it fails every night and mails nobody.
# parent: good
# mode: systemd
# verdict: linux-recordings-purged=fail linux-recordings-readers-allowed=pass linux-recordings-declared=fail
# because: unlink(2) needs the right to write to the directory; agent1 may not even search it. A search for -delete in
# because: /etc/cron.d finds the job.
# proof: ! su -s /bin/sh agent1 -c 'find /var/spool/asterisk/monitor -type f -delete' && ls /var/spool/asterisk/monitor/call.wav
mkdir -p /var/spool/asterisk/monitor
echo voice >/var/spool/asterisk/monitor/call.wav
chmod 0700 /var/spool/asterisk/monitor
put /etc/cron.d/purge <<'EOF'
15 3 * * * agent1 find /var/spool/asterisk/monitor -type f -mtime +90 -delete 2>/dev/null
EOF
