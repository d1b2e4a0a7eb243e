# shellcheck shell=sh
# fstab gives all three temporary directories the right options, but nobody mounted them.
# parent: good
# mode: lite
# verdict: linux-temporary-mounts-restricted=fail
# because: mount(8): fstab says what will be mounted, /proc/self/mounts what is; a program in /tmp starts.
# proof: cp /bin/true /tmp/hc-true && /tmp/hc-true
put /etc/fstab <<'END'
tmpfs /tmp tmpfs nodev,nosuid,noexec 0 0
tmpfs /var/tmp tmpfs nodev,nosuid,noexec 0 0
tmpfs /dev/shm tmpfs nodev,nosuid,noexec 0 0
END
