# shellcheck shell=sh
# The scan account's sudo asks for its password (the lab's: lab.password).
# parent: good
# flips: (every rule that needs root becomes unknown, unless the password is given)
password svc_hc
sed -i 's/NOPASSWD: //' /etc/sudoers.d/hardencheck
