# shellcheck shell=sh
# The first system database says never, but a later one locks the key at ten minutes: the lock decides whose value counts.
# parent: good
# mode: lite
# verdict: linux-screen-lock-enforced=pass linux-automount-off=pass
# because: dconf-engine.c starts at the lowest database that locks a key; what stands above it is not read.
# because: without udisks2 nothing carries out the desktop's wish to mount media.
# proof: test "$(HOME=/root dconf read /org/gnome/desktop/session/idle-delay)" = "uint32 600"
put /usr/share/wayland-sessions/gnome.desktop <<'END'
[Desktop Entry]
Exec=gnome-session
DesktopNames=GNOME
END
printf 'user-db:user\nsystem-db:local\nsystem-db:site\n' | put /etc/dconf/profile/user
printf '[org/gnome/desktop/session]\nidle-delay=uint32 0\n' | put /etc/dconf/db/local.d/00-local
put /etc/dconf/db/site.d/00-site <<'END'
[org/gnome/desktop/session]
idle-delay=uint32 600
[org/gnome/desktop/screensaver]
lock-enabled=true
lock-delay=uint32 0
[org/gnome/desktop/lockdown]
disable-lock-screen=false
END
put /etc/dconf/db/site.d/locks/00-site <<'END'
/org/gnome/desktop/session/idle-delay
/org/gnome/desktop/screensaver/lock-enabled
/org/gnome/desktop/screensaver/lock-delay
/org/gnome/desktop/lockdown/disable-lock-screen
END
dconf update
