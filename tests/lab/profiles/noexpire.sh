# shellcheck shell=sh
# One account's password never expires, whatever login.defs says.
# parent: good
# flips: existing passwords expire (LNX-PWD-007)
chage -M 99999 agent2
