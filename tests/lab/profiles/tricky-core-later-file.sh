# shellcheck shell=sh
# `* hard core 0` stands in limits.d, and a file whose name sorts later takes it back for developers' tools.
# parent: good
# mode: lite
# verdict: linux-core-dumps-disabled=fail
# because: limits.conf(5): files of limits.d are read in the order of their names and the last line for the same domain
# because: counts, so a search for the good line finds it and the limit of a session is unlimited all the same.
# proof: test "$(su agent1 -s /bin/bash -c 'ulimit -Hc')" = unlimited
echo '* hard core unlimited' | put /etc/security/limits.d/90-debug.conf
