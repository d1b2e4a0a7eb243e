# shellcheck shell=sh
# An account that nobody has used for a year, closed with `chage -E 0`; its password is still set.
# parent: good
# mode: lite
# verdict: linux-accounts-not-stale=pass
# because: shadow(5) calls day 0 ambiguous, but pam_unix refuses every account whose day of expiry has come, 0 included.
# proof: grep -q '^agent7:[$]' /etc/shadow && ! pamtester sshd agent7 acct_mgmt
account agent7 && password agent7
chage -d "$(date -d '400 days ago' +%F)" -M 99999 -E 0 agent7
