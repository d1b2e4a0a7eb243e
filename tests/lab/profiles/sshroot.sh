# shellcheck shell=sh
# Root may log in from one network: only a Match block says so, plain sshd -T does not show it.
# parent: good
# flips: linux-ssh-root-login-refused
put /etc/ssh/sshd_config.d/90-vendor.conf 600 <<'END'
Match Address 10.99.0.0/16
    PermitRootLogin yes
END
