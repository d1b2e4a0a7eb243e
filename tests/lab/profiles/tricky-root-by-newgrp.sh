# shellcheck shell=sh
# An agent is in no group's list, but in the shadow list of the group sudo: newgrp and sg take him in.
# parent: good
# mode: lite
# verdict: linux-root-powers-approved=fail linux-sudo-asks-for-password=pass
# because: newgrp(1): where /etc/gshadow has an entry for the group, its list of members counts.
# proof: ! id -nG agent1 | grep -qw sudo && su agent1 -s /bin/sh -c 'sg sudo -c "id -nG"' | grep -qw sudo
sed -i 's/^sudo:\([^:]*\):\([^:]*\):.*/sudo:\1:\2:itadmin,agent1/' /etc/gshadow
