# shellcheck shell=sh
# The recordings are exported by NFS, but only because a directory above them is.
# parent: good
# mode: lite
# verdict: linux-recordings-not-exported=fail linux-recordings-readers-allowed=pass linux-recordings-declared=fail
# because: exports(5): an export hands out the whole tree below it on the same file system. The path of the recordings
# because: stands nowhere in /etc/exports.
# proof: ! grep -q asterisk /etc/exports
# proof: [ "$(stat -c %d /var/spool)" = "$(stat -c %d /var/spool/asterisk/monitor)" ]
mkdir -p /var/spool/asterisk/monitor
echo voice >/var/spool/asterisk/monitor/call.wav
chmod 0700 /var/spool/asterisk/monitor
put /etc/exports <<'END'
"/var/spool" 10.77.0.0/16(ro,sync,no_subtree_check)
END
