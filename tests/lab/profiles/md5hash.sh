# shellcheck shell=sh
# One password is still stored as MD5.
# parent: good
# flips: stored hashes (LNX-PWD-005)
password agent2 MD5
