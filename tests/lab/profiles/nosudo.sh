# shellcheck shell=sh
# The scan account may log in but has no sudo rights.
# parent: good
# flips: (every rule that needs root becomes unknown)
rm /etc/sudoers.d/hardencheck
