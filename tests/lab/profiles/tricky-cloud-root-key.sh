# shellcheck shell=sh
# A cloud image: root has the same key as the first user, with a command that only says to log in as that user.
# parent: good
# mode: lite
# verdict: linux-accounts-not-shared=pass
# because: the key opens one account. sshd runs the command that stands before a key instead of anything else
# because: (sshd(8), AUTHORIZED_KEYS), and this one, which cloud-init writes for disable_root, prints a line and ends.

put /root/.ssh/authorized_keys 600 <<END
no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user \\"svc_hc\\" rather than the user \\"root\\".';echo;sleep 10;exit 142" $(cat /mnt/assets/id.pub)
END
chmod 700 /root/.ssh
