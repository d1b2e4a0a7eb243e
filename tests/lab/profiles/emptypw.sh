# shellcheck shell=sh
# One account needs no password.
# parent: good
# flips: empty passwords (LNX-ACC-001)
passwd -q -d agent1
