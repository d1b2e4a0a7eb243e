# shellcheck shell=sh
# A vendor's account was closed with `usermod -L`; the technician's SSH key is still there and nothing expires.
# parent: good
# mode: lite
# verdict: linux-vendor-accounts-expire=fail linux-accounts-no-empty-password=pass
# because: `passwd -S` says L for locked, but a locked password locks the password alone: PAM's account phase, which
# because: sshd asks after it took the key, still succeeds (usermod(8) says to set the day of expiry to 1 as well).
# proof: passwd -S ext-eva | grep -q ' L ' && pamtester sshd ext-eva acct_mgmt
account ext-eva && password ext-eva
put /home/ext-eva/.ssh/authorized_keys 600 </mnt/assets/id.pub
chown -R ext-eva: /home/ext-eva/.ssh
usermod -L ext-eva
