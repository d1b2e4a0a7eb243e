# shellcheck shell=sh
# A nullok is left over on a line that no login can reach.
# parent: good
# mode: lite
# verdict: linux-pam-no-nullok=pass linux-account-lockout-effective=pass
# because: pam.conf(5): `default=die` of the line above ends the stack for everybody whom the first pam_unix refused,
# because: and who was let in jumps to pam_permit. The empty password is refused, though the word is in the file.
# proof: echo agent1:Quiet-77-lamp-Field | chpasswd; printf 'Quiet-77-lamp-Field\n' | pamtester login agent1 authenticate || exit 1; cp -p /etc/shadow /root/shadow; passwd -q -d agent1; printf '\n' | pamtester login agent1 authenticate; rc=$?; cp -p /root/shadow /etc/shadow; faillock --user agent1 --reset; [ $rc -ne 0 ]
put /etc/pam.d/common-auth <<'END'
auth	requisite			pam_faillock.so preauth
auth	[success=3 default=ignore]	pam_unix.so
auth	[default=die]			pam_faillock.so authfail
auth	sufficient			pam_unix.so nullok try_first_pass
auth	requisite			pam_deny.so
auth	required			pam_permit.so
END
