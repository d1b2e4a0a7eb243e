# shellcheck shell=sh
# A backup file below sudoers.d says NOPASSWD, and so does a comment; sudo reads neither, a search finds both.
# parent: good
# mode: lite
# verdict: linux-sudo-asks-for-password=pass linux-root-powers-approved=pass
# because: sudoers(5): in an @includedir, files whose names end in ~ or contain a dot are passed over.
# proof: sudo -l -U agent1 | grep -q 'not allowed to run sudo'
echo 'agent1 ALL=(ALL) NOPASSWD: ALL' | put /etc/sudoers.d/agent1.bak 440
echo '# %sudo ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers
