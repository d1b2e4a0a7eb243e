# shellcheck shell=sh
# The key files lock the screen after ten minutes, but nobody ran `dconf update` after the database said never.
# parent: good
# mode: lite
# verdict: linux-screen-lock-enforced=fail
# because: dconf(7): sessions read the compiled database; key files take effect when dconf update compiles them.
# proof: test "$(HOME=/root dconf read /org/gnome/desktop/session/idle-delay)" = "uint32 0"
gnome_lock local 0
dconf update
sed -i 's/^idle-delay=.*/idle-delay=uint32 600/' /etc/dconf/db/local.d/00-site
