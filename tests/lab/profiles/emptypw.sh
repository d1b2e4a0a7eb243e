# shellcheck shell=sh
# One account needs no password.
# parent: good
# flips: linux-accounts-no-empty-password
passwd -q -d agent1
