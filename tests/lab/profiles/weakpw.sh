# shellcheck shell=sh
# Short passwords are accepted.
# parent: good
# flips: minimum length (LNX-PWD-002)
sed -i 's/^minlen.*/minlen = 8/' /etc/security/pwquality.conf
