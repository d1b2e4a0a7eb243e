# shellcheck shell=sh
# The first system database says never, but a later one locks the key at ten minutes: the lock decides whose value counts.
# parent: good
# mode: lite
# verdict: linux-screen-lock-enforced=pass linux-automount-off=pass
# because: dconf-engine.c starts at the lowest database that locks a key; what stands above it is not read.
# because: without udisks2 nothing carries out the desktop's wish to mount media.
# proof: test "$(HOME=/root dconf read /org/gnome/desktop/session/idle-delay)" = "uint32 600"
gnome_lock site 600
printf 'user-db:user\nsystem-db:local\nsystem-db:site\n' | put /etc/dconf/profile/user
printf '[org/gnome/desktop/session]\nidle-delay=uint32 0\n' | put /etc/dconf/db/local.d/00-local
dconf update
