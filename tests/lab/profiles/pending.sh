# shellcheck shell=sh
# A security update is there and not installed.
# parent: good
# flips: linux-security-updates-installed
old_release
