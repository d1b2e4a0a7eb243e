# shellcheck shell=sh
# Every login counts wrong passwords, but doas has a stack of its own that does not.
# parent: good
# mode: lite
# verdict: linux-account-lockout-effective=fail
# because: pam.conf(5): a service runs the lines of its own file only, and this one has no pam_faillock.
# proof: for i in 1 2 3 4 5 6; do echo wrong | pamtester doas agent1 authenticate || :; done; test -z "$(faillock --user agent1 | sed 1,2d)"
put /etc/pam.d/doas <<'END'
auth required pam_unix.so
account required pam_unix.so
END
