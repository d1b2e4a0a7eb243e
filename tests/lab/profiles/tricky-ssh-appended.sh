# shellcheck shell=sh
# Somebody appended the hardening to sshd_config, behind a Match block: it holds for that user alone.
# parent: good
# mode: lite
# verdict: linux-ssh-password-login-refused=fail linux-ssh-root-login-refused=fail linux-ssh-empty-passwords-refused=pass
# because: sshd_config(5): a Match block ends with the next Match or with the file, and a comment does not end it.
# proof: sshd -T -C user=agent1,host=desk,addr=10.1.2.3 | grep -q '^passwordauthentication yes' && sshd -T -C user=sftp,host=desk,addr=10.1.2.3 | grep -q '^passwordauthentication no'
rm /etc/ssh/sshd_config.d/10-hardening.conf
cat >>/etc/ssh/sshd_config <<'END'
Match User sftp
  ForceCommand internal-sftp

# hardening
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
Banner /etc/issue.net
END
