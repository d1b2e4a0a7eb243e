# shellcheck shell=sh
# pwquality.conf is right, but no PAM line reads it.
# parent: good
# flips: linux-password-quality-enforced linux-password-min-length linux-password-complexity linux-password-quality-for-root
sed -i '/pam_pwquality/d; s/\(pam_pwhistory.*\) use_authtok/\1/' /etc/pam.d/common-password
