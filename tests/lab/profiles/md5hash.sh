# shellcheck shell=sh
# One password is still stored as MD5.
# parent: good
# flips: linux-password-hashes-strong
password agent2 MD5
