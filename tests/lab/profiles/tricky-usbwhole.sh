# shellcheck shell=sh
# One line with another spelling, another command and a comment behind it: patterns refuse it, modprobe obeys it.
# parent: good
# mode: lite
# verdict: linux-usb-storage-unusable=pass
# because: modprobe.d(5): dashes and underscores are the same in module names; the command is run by a shell.
# because: uas depends on usb-storage, so that its way is closed as well.
# proof: ! modprobe -n -v usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip50in00 | grep -q '^insmod .*usb-storage'
echo 'install usb_storage /bin/true # ticket 4711' | put /etc/modprobe.d/usb-storage.conf
