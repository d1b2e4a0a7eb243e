# shellcheck shell=sh
# TMOUT=900 is read-only for everybody but administrators: for them the file returns before that line.
# parent: good
# mode: lite
# verdict: linux-idle-shell-ends=unknown
# because: bash(1), return: what stands behind it in a sourced file is not carried out; who is in a group is not in the file.
# proof: test -z "$(su - itadmin -c 'echo $TMOUT' 2>/dev/null)" && test "$(su - agent1 -c 'echo $TMOUT' 2>/dev/null)" = 900
put /etc/profile.d/tmout.sh <<'END'
if id -nG | grep -qw sudo; then
  return
fi
readonly TMOUT=900
export TMOUT
END
