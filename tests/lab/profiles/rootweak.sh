# shellcheck shell=sh
# Root may set passwords that nobody else may.
# parent: good
# flips: linux-password-quality-for-root
sed -i '/^enforce_for_root/d' /etc/security/pwquality.conf
