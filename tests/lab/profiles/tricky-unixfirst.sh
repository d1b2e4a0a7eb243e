# shellcheck shell=sh
# The quality module is there and strict, but pam_unix stands above it and ends the stack.
# parent: good
# mode: lite
# verdict: linux-password-quality-enforced=fail linux-password-min-length=fail linux-password-complexity=fail linux-password-quality-for-root=fail linux-password-reuse-blocked=fail linux-password-new-hashes-strong=pass
# because: pam.conf(5): `sufficient` that succeeds ends the stack at once; nothing below pam_unix is asked.
# because: All words that a search looks for (pam_pwquality, requisite, minlen = 15) are present and unchanged.
# proof: chage -m 0 agent1; echo agent1:Quiet-77-lamp-Field | chpasswd && printf 'Quiet-77-lamp-Field\nmonday77\nmonday77\n' | su agent1 -c passwd && printf 'monday77\n' | pamtester login agent1 authenticate
put /etc/pam.d/common-password <<'END'
password	sufficient			pam_unix.so yescrypt
password	requisite			pam_pwquality.so retry=3
password	required			pam_pwhistory.so remember=5 enforce_for_root use_authtok
password	required			pam_unix.so use_authtok yescrypt
END
