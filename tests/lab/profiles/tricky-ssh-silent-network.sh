# shellcheck shell=sh
# One network sees no banner, and one key opens two accounts; plain `sshd -T` and the lists of accounts look good.
# parent: good
# mode: lite
# verdict: linux-login-banner-shown=fail linux-accounts-not-shared=fail linux-ssh-password-login-refused=pass
# because: sshd_config(5): Banner may stand in a Match block. sshd(8): options and comment are no part of the key.
# proof: sshd -T | grep -q '^banner /etc/issue.net'
# proof: sshd -T -C user=agent1,host=desk,addr=10.5.0.1 | grep -q '^banner none'
# proof: [ "$(ssh-keygen -lf /home/agent1/.ssh/authorized_keys | cut -d' ' -f2)" = "$(ssh-keygen -lf /home/agent2/.ssh/authorized_keys | cut -d' ' -f2)" ]
put /etc/ssh/sshd_config.d/50-shop.conf 600 <<'END'
Match Address 10.5.0.0/16
    Banner none
END
ssh-keygen -q -t ed25519 -N '' -C agent1@desk -f /root/shared
put /home/agent1/.ssh/authorized_keys 600 </root/shared.pub
sed 's/^/no-pty,command="echo a b" /; s/agent1@desk/somebody else/' /root/shared.pub |
  put /home/agent2/.ssh/authorized_keys 600
rm /root/shared /root/shared.pub
chown -R agent1: /home/agent1/.ssh
chown -R agent2: /home/agent2/.ssh
