# shellcheck shell=sh
# An administrator beside the scan account who becomes root without a password.
# parent: good
# flips: passwordless sudo (LNX-SUD-002), sudo roster (LNX-SUD-001)
account backupadm && password backupadm
echo 'backupadm ALL=(ALL:ALL) NOPASSWD: ALL' | put /etc/sudoers.d/backupadm 440
