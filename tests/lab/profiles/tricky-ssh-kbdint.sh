# shellcheck shell=sh
# PasswordAuthentication is off, but PAM still asks for the same password under the name keyboard-interactive.
# parent: good
# mode: lite
# verdict: linux-ssh-password-login-refused=fail linux-ssh-root-login-refused=pass linux-ssh-empty-passwords-refused=pass
# because: sshd_config(5): KbdInteractiveAuthentication is on by default; with UsePAM it runs the PAM auth stack.
# proof: sshd -T -C user=agent1,host=desk,addr=10.1.2.3 | grep -q '^kbdinteractiveauthentication yes' && sshd -T | grep -q '^usepam yes'
sed -i '/^KbdInteractiveAuthentication/d' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/10-hardening.conf
