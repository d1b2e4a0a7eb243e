# shellcheck shell=sh
# An administrator beside the scan account who becomes root without a password.
# parent: good
# flips: linux-sudo-asks-for-password linux-root-powers-approved
account backupadm && password backupadm
echo 'backupadm ALL=(ALL:ALL) NOPASSWD: ALL' | put /etc/sudoers.d/backupadm 440
