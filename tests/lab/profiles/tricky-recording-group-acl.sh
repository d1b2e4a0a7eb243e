# shellcheck shell=sh
# Recordings of mode 0640 and a closed group, but an access control list lets another group in.
# parent: good
# mode: lite
# verdict: linux-recordings-readers-allowed=fail linux-recordings-declared=fail
# because: acl(5), "access check algorithm": a matching named group entry grants what the mask leaves; `ls -l` shows the
# because: mask in the group's place, so mode and group of the file look as if only the recorder's group could read.
# proof: su -s /bin/sh agent2 -c 'cat /var/spool/asterisk/monitor/call.wav' | grep -q voice
# proof: ! su -s /bin/sh agent1 -c 'cat /var/spool/asterisk/monitor/call.wav' 2>/dev/null
groupadd -r recorder
groupadd floor
usermod -aG floor agent2
mkdir -p /var/spool/asterisk/monitor
echo voice >/var/spool/asterisk/monitor/call.wav
chown -R root:recorder /var/spool/asterisk/monitor
chmod 0750 /var/spool/asterisk/monitor
chmod 0640 /var/spool/asterisk/monitor/call.wav
setfacl -m g:floor:x /var/spool/asterisk/monitor
setfacl -m g:floor:r /var/spool/asterisk/monitor/call.wav
