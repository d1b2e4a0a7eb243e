# shellcheck shell=sh
# /etc/at.allow names root alone, owner root:root, mode 0640 as guides ask, but at runs as daemon and cannot read it.
# parent: good
# mode: lite
# verdict: linux-cron-restricted=fail
# because: at(1) of Debian is set-user-ID daemon; an at.allow that it cannot open it takes for missing, and at.deny, which
# because: does not name agent1, decides: agent1 queues a job.
# proof: su agent1 -s /bin/sh -c 'echo true | at now + 1 day' 2>&1 | grep -q '^job '
chgrp root /etc/at.allow
