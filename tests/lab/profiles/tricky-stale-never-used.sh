# shellcheck shell=sh
# An account that was made a hundred days ago for somebody who never came; it has a password and no login.
# parent: good
# mode: lite
# verdict: linux-accounts-not-stale=fail
# because: lastlog(8) shows `Never logged in`, which tools that sort by date take for no finding; its password was set
# because: with useradd a hundred days ago and opens the account today.
# proof: lastlog -u agent7 | grep -q 'Never logged in' && pamtester sshd agent7 acct_mgmt
account agent7 && password agent7
chage -d "$(date -d '100 days ago' +%F)" -M 99999 agent7
: >/var/log/lastlog
: >/var/log/wtmp
echo "$(date '+%b %e %T') desk sshd[99]: Accepted publickey for svc_hc from 10.77.0.1 port 40000 ssh2" >>/var/log/auth.log
