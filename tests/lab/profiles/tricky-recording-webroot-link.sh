# shellcheck shell=sh
# The web server's root is a link, and what it leads to holds the recordings: no setting names their path.
# parent: good
# mode: lite
# verdict: linux-recordings-not-exported=fail linux-recordings-declared=fail linux-recordings-readers-allowed=pass
# because: nginx opens files below its root with open(2), which follows links. A search for the recordings' path in the
# because: settings finds nothing.
# proof: ! grep -rq asterisk /etc/nginx && ls /srv/portal/asterisk/monitor/call.wav
mkdir -p /var/spool/asterisk/monitor
echo voice >/var/spool/asterisk/monitor/call.wav
chmod 0700 /var/spool/asterisk/monitor
ln -s /var/spool /srv/portal
put /etc/nginx/nginx.conf <<'EOF'
http {
  server {
    root /srv/portal;
  }
}
EOF
