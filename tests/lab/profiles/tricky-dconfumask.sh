# shellcheck shell=sh
# Everything is set, locked and compiled, but under umask 077: no user can read the database, root can.
# parent: good
# mode: lite
# verdict: linux-screen-lock-enforced=fail
# because: dconf(7): sessions map the database themselves, as the user; what they cannot open has no values and no locks.
# proof: test -z "$(su -s /bin/sh agent1 -c 'dconf list-locks /org/gnome/desktop/')" && HOME=/root dconf list-locks /org/gnome/desktop/ | grep -q idle-delay
gnome_lock local 600
(umask 077 && dconf update)
