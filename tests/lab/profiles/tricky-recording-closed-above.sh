# shellcheck shell=sh
# Recordings that everybody may read, in a directory that nobody gets to.
# parent: good
# mode: lite
# verdict: linux-recordings-readers-allowed=pass linux-recordings-declared=fail
# because: path_resolution(7): without search permission on one directory of the path, the file cannot be opened,
# because: whatever its own mode is. `find -perm -o=r` reports each of these files.
# proof: [ "$(stat -c %a /var/spool/asterisk/monitor/2026/call.wav)" = 644 ]
# proof: ! su -s /bin/sh agent1 -c 'cat /var/spool/asterisk/monitor/2026/call.wav' 2>/dev/null
mkdir -p /var/spool/asterisk/monitor/2026
echo voice >/var/spool/asterisk/monitor/2026/call.wav
chmod 0755 /var/spool/asterisk/monitor /var/spool/asterisk/monitor/2026
chmod 0644 /var/spool/asterisk/monitor/2026/call.wav
chmod 0700 /var/spool/asterisk
