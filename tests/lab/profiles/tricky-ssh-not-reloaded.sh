# shellcheck shell=sh
# The files of sshd changed after it read them: what it runs with is not what they say.
# parent: good
# mode: lite
# verdict: linux-ssh-password-login-refused=unknown linux-ssh-root-login-refused=unknown linux-login-banner-shown=unknown
# because: sshd(8): the configuration is read at the start and at SIGHUP, when the pid file is written too.
# proof: find /etc/ssh/sshd_config.d/10-hardening.conf -newer /run/sshd.pid | grep -q .
touch -d '2 hours' /etc/ssh/sshd_config.d/10-hardening.conf
