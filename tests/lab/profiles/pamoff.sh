# shellcheck shell=sh
# pwquality.conf is right, but no PAM line reads it.
# parent: good
# flips: quality enforced, minimum length, complexity, root too (LNX-PWD-001, -002, -010, -011)
sed -i '/pam_pwquality/d; s/\(pam_pwhistory.*\) use_authtok/\1/' /etc/pam.d/common-password
