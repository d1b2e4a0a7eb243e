# shellcheck shell=sh
# Everything is set, locked and compiled, but under umask 077: no user can read the database, root can.
# parent: good
# mode: lite
# verdict: linux-screen-lock-enforced=fail
# because: dconf(7): sessions map the database themselves, as the user; what they cannot open has no values and no locks.
# proof: test -z "$(su -s /bin/sh agent1 -c 'dconf list-locks /org/gnome/desktop/')" && HOME=/root dconf list-locks /org/gnome/desktop/ | grep -q idle-delay
put /usr/share/xsessions/gnome.desktop <<'END'
[Desktop Entry]
Exec=gnome-session
DesktopNames=GNOME
END
printf 'user-db:user\nsystem-db:local\n' | put /etc/dconf/profile/user
put /etc/dconf/db/local.d/00-site <<'END'
[org/gnome/desktop/session]
idle-delay=uint32 600
[org/gnome/desktop/screensaver]
lock-enabled=true
lock-delay=uint32 0
[org/gnome/desktop/lockdown]
disable-lock-screen=false
END
put /etc/dconf/db/local.d/locks/00-site <<'END'
/org/gnome/desktop/session/idle-delay
/org/gnome/desktop/screensaver/lock-enabled
/org/gnome/desktop/screensaver/lock-delay
/org/gnome/desktop/lockdown/disable-lock-screen
END
(umask 077 && dconf update)
