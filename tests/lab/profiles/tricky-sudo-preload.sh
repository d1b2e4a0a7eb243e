# shellcheck shell=sh
# An agent may run one harmless program as root without a password, and set variables for it.
# parent: good
# mode: lite
# verdict: linux-sudo-asks-for-password=fail linux-root-powers-approved=fail
# because: with the tag SETENV sudo hands on every variable of its command line (sudoers(5)), also LD_PRELOAD: the
# because: dynamic linker then loads the agent's own library into a process of root (ld.so(8)).
# proof: su agent1 -c 'sudo -n LD_PRELOAD=/home/agent1/own.so /usr/bin/id' 2>&1 | grep -q 'object ./home/agent1/own.so. from LD_PRELOAD'

echo 'agent1 ALL=(root) NOPASSWD: SETENV: /usr/bin/id' | put /etc/sudoers.d/id 440
