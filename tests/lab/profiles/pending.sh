# shellcheck shell=sh
# A security update is there and not installed.
# parent: good
# flips: security updates (LNX-PAT-001)
old_release
