# shellcheck shell=sh
# login.defs ends with a strong method, pam_unix names none, and takes the first line.
# parent: good
# mode: lite
# verdict: linux-password-new-hashes-strong=fail linux-password-hashes-strong=pass
# because: login.defs(5) is read twice, differently: shadow's programs take the last line of a name, and pam_unix
# because: (pam_modutil_search_key(3)) the first. Measured: the new hash begins with $1$.
# proof: cp -p /etc/shadow /root/shadow; echo agent1:Quiet-77-lamp-Field | chpasswd; grep -q '^agent1:[$]1[$]' /etc/shadow; rc=$?; cp -p /root/shadow /etc/shadow; exit $rc
sed -i '/ENCRYPT_METHOD/d' /etc/login.defs
printf 'ENCRYPT_METHOD MD5\nENCRYPT_METHOD YESCRYPT\n' >>/etc/login.defs
sed -i 's/ yescrypt$//' /etc/pam.d/common-password
