# shellcheck shell=sh
# login.defs asks for MD5, but pam_unix has a strong hash among its arguments, which decides.
# parent: good
# mode: lite
# verdict: linux-password-new-hashes-strong=pass
# because: pam_unix(8): an algorithm among the arguments wins over ENCRYPT_METHOD; a search in login.defs would fail it.
# proof: cp -p /etc/shadow /root/shadow; echo agent1:Quiet-77-lamp-Field | chpasswd; grep -q '^agent1:[$]y[$]' /etc/shadow; rc=$?; cp -p /root/shadow /etc/shadow; exit $rc
sed -i 's/^ENCRYPT_METHOD.*/ENCRYPT_METHOD MD5/' /etc/login.defs
