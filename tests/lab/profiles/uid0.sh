# shellcheck shell=sh
# A second root, with a locked password.
# parent: good
# flips: linux-accounts-only-root-uid-zero linux-accounts-not-shared linux-root-powers-approved
useradd -o -u 0 -M -s /bin/bash toor
