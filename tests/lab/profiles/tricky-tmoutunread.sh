# shellcheck shell=sh
# The file that sets TMOUT is readable for root alone: Debian's /etc/profile skips it for everybody else.
# parent: good
# mode: lite
# verdict: linux-idle-shell-ends=fail
# because: /etc/profile sources a file of profile.d only when the person who logs in can read it.
# proof: test -z "$(su - agent1 -c 'echo $TMOUT' </dev/null 2>/dev/null)" && test "$(env -i HOME=/root bash -lc 'echo $TMOUT')" = 900
chmod 600 /etc/profile.d/tmout.sh
