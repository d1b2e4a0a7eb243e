# shellcheck shell=sh
# Recordings of last year arrived today from the old server, with their times kept; the job that deletes is active.
# parent: good
# mode: systemd
# verdict: linux-recordings-purged=fail linux-recordings-declared=fail
# because: cp -p and rsync -a keep the time of the content (utimensat(2)), while inode and change time are new: a search
# because: by -ctime or by birth finds nothing old, although the calls are a year old and should be gone.
# proof: [ -z "$(find /var/spool/asterisk/monitor -type f -ctime +90)" ]
# proof: [ -n "$(find /var/spool/asterisk/monitor -type f -mtime +90)" ]
mkdir -p /root/old /var/spool/asterisk/monitor
echo voice >/root/old/call.wav
touch -d '400 days ago' /root/old/call.wav
cp -p /root/old/call.wav /var/spool/asterisk/monitor/
chmod 0700 /var/spool/asterisk/monitor
put /etc/tmpfiles.d/recordings.conf <<'END'
e /var/spool/asterisk/monitor - - - 90d
END
