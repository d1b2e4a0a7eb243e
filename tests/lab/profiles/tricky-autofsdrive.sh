# shellcheck shell=sh
# No desktop, and autofs does not run now; it starts at boot, with a map that mounts the optical drive on demand.
# parent: good
# mode: lite
# verdict: linux-automount-off=fail
# because: auto.master(5): a map whose location is :/dev/... mounts a device of this machine when its path is opened.
# because: an enabled unit starts at the next boot, whatever it does at the moment.
# proof: automount --dumpmaps | grep -q ':/dev/cdrom'
sed -i 's|^#/misc|/misc|' /etc/auto.master
printf 'cd\t-fstype=iso9660,ro,nosuid,nodev\t:/dev/cdrom\n' | put /etc/auto.misc
systemctl -q enable autofs.service
