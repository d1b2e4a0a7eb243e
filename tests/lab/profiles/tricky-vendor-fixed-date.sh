# shellcheck shell=sh
# A vendor's account in a group of contractors expires, in the year 2099.
# parent: good
# mode: lite
# verdict: linux-vendor-accounts-expire=fail
# because: field 8 of /etc/shadow is not empty, so a search for accounts without a date passes it; a date that nobody
# because: at the company will live to see ends nothing (chage -l shows it, PAM lets the account in until then).
# proof: LC_ALL=C chage -l eva | grep -q 'Account expires.*2099' && pamtester sshd eva acct_mgmt
groupadd contractors
account eva -G contractors && password eva
chage -E 2099-12-31 eva
