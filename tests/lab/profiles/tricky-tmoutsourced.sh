# shellcheck shell=sh
# The file that sets TMOUT=900 comes too late: another one reads in the site's settings, where 0 is read-only.
# parent: good
# mode: lite
# verdict: linux-idle-shell-ends=fail
# because: bash(1): a read-only variable takes no later assignment, wherever the file lies that made it so.
# proof: test "$(env -i HOME=/root bash -lc 'echo $TMOUT' 2>/dev/null)" = 0
echo 'readonly TMOUT=0' | put /etc/site.env
echo '. /etc/site.env' | put /etc/profile.d/00-site.sh
