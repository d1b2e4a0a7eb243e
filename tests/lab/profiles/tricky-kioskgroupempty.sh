# shellcheck shell=sh
# The line for a group that logs in without a password is there, as some distributions ship it; nobody is in the group.
# parent: good
# mode: lite
# verdict: linux-pam-no-nullok=pass linux-account-lockout-effective=pass
# because: pam_succeed_if(8), user ingroup: it fails for everybody when the group has no members.
# proof: ! echo wrong | pamtester login agent1 authenticate && ! echo wrong | pamtester login itadmin authenticate
groupadd nopasswdlogin
sed -i '1i auth sufficient pam_succeed_if.so user ingroup nopasswdlogin' /etc/pam.d/login
