# shellcheck shell=sh
# The key files lock the screen after ten minutes, but nobody ran `dconf update` after the database said never.
# parent: good
# mode: lite
# verdict: linux-screen-lock-enforced=fail
# because: dconf(7): sessions read the compiled database; key files take effect when dconf update compiles them.
# proof: test "$(HOME=/root dconf read /org/gnome/desktop/session/idle-delay)" = "uint32 0"
put /usr/share/xsessions/gnome.desktop <<'END'
[Desktop Entry]
Exec=gnome-session
DesktopNames=GNOME
END
printf 'user-db:user\nsystem-db:local\n' | put /etc/dconf/profile/user
put /etc/dconf/db/local.d/00-site <<'END'
[org/gnome/desktop/session]
idle-delay=uint32 0
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
dconf update
sed -i 's/^idle-delay=.*/idle-delay=uint32 600/' /etc/dconf/db/local.d/00-site
