# shellcheck shell=sh
# The usual directory is closed above, but it is only a link to a place that is open.
# parent: good
# mode: lite
# verdict: linux-recordings-readers-allowed=fail linux-recordings-declared=fail
# because: path_resolution(7): only the directories on the path that is used count. The link's own parents are closed,
# because: the recordings lie elsewhere, and whoever knows that place does not need the link.
# proof: [ "$(stat -c %a /var/spool/asterisk)" = 700 ]
# proof: su -s /bin/sh agent1 -c 'cat /srv/archive/calls/call.wav' | grep -q voice
mkdir -p /var/spool/asterisk /srv/archive/calls
echo voice >/srv/archive/calls/call.wav
chmod 0755 /srv /srv/archive /srv/archive/calls
chmod 0644 /srv/archive/calls/call.wav
ln -s /srv/archive/calls /var/spool/asterisk/monitor
chmod 0700 /var/spool/asterisk
