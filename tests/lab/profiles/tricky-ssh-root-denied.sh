# shellcheck shell=sh
# sshd says PermitRootLogin yes, and refuses root by name.
# parent: good
# mode: lite
# verdict: linux-ssh-root-login-refused=pass
# because: DenyUsers refuses a listed user whatever else is allowed (sshd_config(5)); no Match block replaces the list.
# proof: ssh-keygen -q -t ed25519 -N '' -f /run/k && for u in root itadmin; do h=$(getent passwd $u | cut -d: -f6); mkdir -p -m 700 $h/.ssh && cp /run/k.pub $h/.ssh/authorized_keys && chown -R $u: $h/.ssh; done
# proof: try() { ssh -n -i /run/k -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null $1@127.0.0.1 true; }; try itadmin && ! try root

put /etc/ssh/sshd_config.d/05-site.conf 600 <<'END'
PermitRootLogin yes
DenyUsers root
END
