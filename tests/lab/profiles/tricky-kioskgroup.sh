# shellcheck shell=sh
# No line says nullok, but members of one group log in with any password, and the kiosk's account is in it.
# parent: good
# mode: lite
# verdict: linux-pam-no-nullok=fail linux-account-lockout-effective=pass
# because: pam_succeed_if(8) looks at no password, and pam.conf(5): a success of a sufficient line ends the stack.
# proof: echo wrong | pamtester login agent1 authenticate && ! echo wrong | pamtester login agent2 authenticate
groupadd nopasswdlogin
usermod -aG nopasswdlogin agent1
sed -i '1i auth sufficient pam_succeed_if.so user ingroup nopasswdlogin' /etc/pam.d/login
