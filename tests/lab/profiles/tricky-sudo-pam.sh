# shellcheck shell=sh
# Nothing in sudoers says NOPASSWD, but PAM lets the administrators in whatever they type, and agent1 through su.
# parent: good
# mode: lite
# verdict: linux-sudo-asks-for-password=fail linux-root-powers-approved=fail
# because: sudo and su ask PAM, and what is sufficient there ends the stack before pam_unix asks for a password
# because: (pam.conf(5), pam_succeed_if(8); trust in pam_wheel(8)).
# proof: su itadmin -c 'sudo id -un </dev/null' | grep -qx root && su agent1 -c 'su -c "id -un" </dev/null' | grep -qx root

sed -i '1i auth sufficient pam_succeed_if.so quiet user ingroup sudo' /etc/pam.d/sudo
sed -i '1i auth sufficient pam_wheel.so trust group=agent1' /etc/pam.d/su
