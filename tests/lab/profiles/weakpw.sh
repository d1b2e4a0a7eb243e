# shellcheck shell=sh
# Short passwords are accepted.
# parent: good
# flips: linux-password-min-length
sed -i 's/^minlen.*/minlen = 8/' /etc/security/pwquality.conf
