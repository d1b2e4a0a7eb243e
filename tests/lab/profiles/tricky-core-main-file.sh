# shellcheck shell=sh
# limits.conf itself allows core dumps, and a file in limits.d forbids them: the later one counts.
# parent: good
# mode: lite
# verdict: linux-core-dumps-disabled=pass
# because: pam_limits reads limits.conf first and limits.d after it; a check of the main file alone calls this host bad
# because: although the hard limit of every session is 0.
# proof: test "$(su agent1 -s /bin/bash -c 'ulimit -Hc')" = 0
echo '* hard core unlimited' >>/etc/security/limits.conf
