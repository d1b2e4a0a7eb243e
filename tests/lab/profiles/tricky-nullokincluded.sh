# shellcheck shell=sh
# No nullok in common-auth; a file of the site's own, included where the first pam_unix has failed, has it.
# parent: good
# mode: lite
# verdict: linux-pam-no-nullok=fail linux-account-lockout-effective=pass
# because: pam_unix(8): nullok lets an account without a password in; the line is reached when the first one refuses.
# because: A search in common-auth, or in system-auth and password-auth, finds nothing.
# proof: cp -p /etc/shadow /root/shadow; passwd -q -d agent1; printf '\n' | pamtester login agent1 authenticate; rc=$?; cp -p /root/shadow /etc/shadow; exit $rc
put /etc/pam.d/common-auth <<'END'
auth	requisite			pam_faillock.so preauth
auth	[success=3 default=ignore]	pam_unix.so
auth	include				site-auth
auth	[default=die]			pam_faillock.so authfail
auth	requisite			pam_deny.so
auth	required			pam_permit.so
END
put /etc/pam.d/site-auth <<'END'
auth	[success=2 default=ignore]	pam_unix.so nullok try_first_pass
END
