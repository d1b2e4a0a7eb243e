# shellcheck shell=sh
# An access control list names an agent, but its mask takes the right away again.
# parent: good
# mode: lite
# verdict: linux-recordings-readers-allowed=pass linux-recordings-declared=fail
# because: acl(5): what a named entry grants is limited by the mask entry. A search for "user:agent1:r" in getfacl's
# because: output, or for the plus sign of ls, finds an open door that is none.
# proof: getfacl -p /var/spool/asterisk/monitor/call.wav | grep -q user:agent1:rw-
# proof: ! su -s /bin/sh agent1 -c 'cat /var/spool/asterisk/monitor/call.wav' 2>/dev/null
mkdir -p /var/spool/asterisk/monitor
echo voice >/var/spool/asterisk/monitor/call.wav
chmod 0711 /var/spool/asterisk/monitor
chmod 0600 /var/spool/asterisk/monitor/call.wav
setfacl -m u:agent1:rw,m::--- /var/spool/asterisk/monitor/call.wav
