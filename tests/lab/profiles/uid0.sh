# shellcheck shell=sh
# A second root, with a locked password.
# parent: good
# flips: only root has UID 0 (LNX-ACC-002)
useradd -o -u 0 -M -s /bin/bash toor
