# shellcheck shell=sh
# Nothing is old yet, and two jobs look as if they would delete: one is commented out, the other has a name that cron skips.
# parent: good
# mode: systemd
# verdict: linux-recordings-purged=fail linux-recordings-not-exported=pass linux-recordings-declared=fail
# because: crontab(5): a line that begins with # is a comment; cron(8) and run-parts(8) on Debian pass over files whose
# because: names hold a dot. A grep for "find /var/spool/asterisk/monitor" finds both.
# proof: grep -rq 'find /var/spool/asterisk/monitor' /etc/cron.d && grep -rq 'find /var/spool/asterisk/monitor' /etc/cron.daily
# proof: ! run-parts --test /etc/cron.daily | grep -q purge
mkdir -p /var/spool/asterisk/monitor
echo voice >/var/spool/asterisk/monitor/call.wav
chmod 0700 /var/spool/asterisk/monitor
put /etc/cron.d/purge <<'END'
#15 3 * * * root find /var/spool/asterisk/monitor -type f -mtime +90 -delete
END
put /etc/cron.daily/purge.sh 755 <<'END'
#!/bin/sh
find /var/spool/asterisk/monitor -type f -mtime +90 -delete
END
