# shellcheck shell=sh
# An agent may read logs with awk as root, without a password: no shell, no ALL, and yet root.
# parent: good
# mode: lite
# verdict: linux-sudo-asks-for-password=fail linux-root-powers-approved=fail
# because: awk(1): system() runs any command; sudoers(5): a `*` in arguments matches everything, blanks too.
# proof: su agent1 -s /bin/sh -c "sudo -n awk 'BEGIN { system(\"id -u\") }' /var/log/dpkg.log" | grep -qx 0
echo 'agent1 ALL=(root) NOPASSWD: /usr/bin/awk * /var/log/*' | put /etc/sudoers.d/logs 440
