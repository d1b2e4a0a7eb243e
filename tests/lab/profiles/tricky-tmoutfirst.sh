# shellcheck shell=sh
# TMOUT=900 is read-only in one file, but a file that is read before it made two hours read-only.
# parent: good
# mode: lite
# verdict: linux-idle-shell-ends=fail
# because: bash(1): a read-only variable takes no later assignment; /etc/profile reads profile.d in the order of names.
# proof: test "$(env -i HOME=/root bash -lc 'echo $TMOUT' 2>/dev/null)" = 7200
echo 'readonly TMOUT=7200' | put /etc/profile.d/00-site.sh
