# shellcheck shell=sh
# faillock.conf says deny = 3 and the stack asks pam_faillock first, but nothing ever counts a failure.
# parent: good
# mode: lite
# verdict: linux-account-lockout-effective=fail
# because: pam_faillock(8): only the call with authfail records a failure; preauth reads what was recorded.
# proof: echo agent1:Quiet-77-lamp-Field | chpasswd; for i in 1 2 3 4 5 6; do printf 'wrong\n' | pamtester login agent1 authenticate; done; printf 'Quiet-77-lamp-Field\n' | pamtester login agent1 authenticate
put /etc/pam.d/common-auth <<'END'
auth	requisite			pam_faillock.so preauth
auth	[success=1 default=ignore]	pam_unix.so
auth	requisite			pam_deny.so
auth	required			pam_permit.so
END
