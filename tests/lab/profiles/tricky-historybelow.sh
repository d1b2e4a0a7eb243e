# shellcheck shell=sh
# The history of passwords is looked at after pam_unix has stored the new one.
# parent: good
# mode: lite
# verdict: linux-password-reuse-blocked=fail linux-password-quality-enforced=pass
# because: The lines of a password stack run in their order (pam.conf(5)): what pam_unix has written stays written,
# because: and passwd's complaint comes too late.
# proof: chage -m 0 agent1; echo agent1:Quiet-77-lamp-Field | chpasswd; printf 'Quiet-77-lamp-Field\nGreen+55+door+River\nGreen+55+door+River\n' | su agent1 -c passwd; printf 'Green+55+door+River\nQuiet-77-lamp-Field\nQuiet-77-lamp-Field\n' | su agent1 -c passwd; printf 'Quiet-77-lamp-Field\n' | pamtester login agent1 authenticate
put /etc/pam.d/common-password <<'END'
password	requisite			pam_pwquality.so retry=3
password	required			pam_unix.so use_authtok yescrypt
password	required			pam_pwhistory.so remember=5 enforce_for_root use_authtok
END
