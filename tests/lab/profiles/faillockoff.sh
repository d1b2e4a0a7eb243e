# shellcheck shell=sh
# faillock.conf is right, but no PAM line reads it.
# parent: good
# flips: linux-account-lockout-effective
sed -i '/pam_faillock/d' /etc/pam.d/common-auth /etc/pam.d/common-account
sed -i 's/success=2/success=1/' /etc/pam.d/common-auth
