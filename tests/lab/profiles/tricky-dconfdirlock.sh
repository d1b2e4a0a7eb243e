# shellcheck shell=sh
# The right values are compiled, but the lock names the directories: dconf locks exact keys only.
# parent: good
# mode: lite
# verdict: linux-screen-lock-enforced=fail
# because: dconf-engine.c looks a key up in the table of locks as it is; a directory in there matches no key.
# proof: ! HOME=/root dconf list-locks /org/gnome/desktop/ | grep -x /org/gnome/desktop/session/idle-delay
gnome_lock local 600
put /etc/dconf/db/local.d/locks/00-site <<'END'
/org/gnome/desktop/session/
/org/gnome/desktop/screensaver/
/org/gnome/desktop/lockdown/
END
dconf update
