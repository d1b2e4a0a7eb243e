# shellcheck shell=sh
# pwhistory.conf promises 24 passwords; this release's module does not open the file, and its line says 2.
# parent: good
# mode: lite
# verdict: linux-password-reuse-blocked=fail
# because: pam_pwhistory(8): pwhistory.conf came with Linux-PAM 1.5.3, and arguments of the line win over it anyway.
# proof: chage -m 0 agent1; echo agent1:Quiet-77-lamp-Field | chpasswd; old=Quiet-77-lamp-Field; for new in Green+55+door+River Brown=33=hill=Stone Quiet-77-lamp-Field; do printf '%s\n' "$old" "$new" "$new" | su agent1 -c passwd || exit 1; old=$new; done
printf 'remember = 24\nenforce_for_root\n' | put /etc/security/pwhistory.conf
sed -i 's/remember=5/remember=2/' /etc/pam.d/common-password
