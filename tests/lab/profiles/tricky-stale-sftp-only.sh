# shellcheck shell=sh
# An account that is used every day, by sftp alone: no login record has ever been written for it.
# parent: good
# mode: lite
# verdict: linux-accounts-not-stale=pass
# because: sshd records a login in lastlog and wtmp only for a session with a terminal (do_login in session.c); that
# because: agent7 came yesterday stands in the log of sshd alone.
# proof: lastlog -u agent7 | grep -q 'Never logged in' && grep -q 'Accepted publickey for agent7' /var/log/auth.log
account agent7 && password agent7
chage -d "$(date -d '100 days ago' +%F)" -M 99999 agent7
: >/var/log/lastlog
: >/var/log/wtmp
echo "$(date -d yesterday '+%b %e %T') desk sshd[99]: Accepted publickey for agent7 from 10.77.0.1 port 40000 ssh2" \
  >>/var/log/auth.log
