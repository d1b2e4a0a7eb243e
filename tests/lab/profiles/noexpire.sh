# shellcheck shell=sh
# One account's password never expires, whatever login.defs says.
# parent: good
# flips: linux-passwords-expire
chage -M 99999 agent2
