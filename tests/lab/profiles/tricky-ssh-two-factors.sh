# shellcheck shell=sh
# Vendors may use a password, but only behind a key: a search for `PasswordAuthentication yes` is alarmed for nothing.
# parent: good
# mode: lite
# verdict: linux-ssh-password-login-refused=pass linux-ssh-root-login-refused=pass linux-login-banner-shown=pass
# because: sshd_config(5), AuthenticationMethods: every method of one list must be completed.
# proof: sshd -T -C user=agent1,host=desk,addr=10.99.1.1 | grep -q '^authenticationmethods publickey,password$'
put /etc/ssh/sshd_config.d/90-vendor.conf 600 <<'END'
Match Address 10.99.0.0/16 User *,!root
    PasswordAuthentication yes
    AuthenticationMethods publickey,password
END
