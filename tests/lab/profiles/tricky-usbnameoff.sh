# shellcheck shell=sh
# `alias usb-storage off` stops whoever types the name; a stick asks by its own alias, and that loads the driver.
# parent: good
# mode: lite
# verdict: linux-usb-storage-unusable=fail
# because: modprobe.d(5), alias: it gives one name another meaning; what the kernel asks for is another name.
# proof: ! modprobe -n -v usb-storage 2>&1 | grep -q '^insmod .*usb-storage' && modprobe -n -v usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip50in00 | grep -q '^insmod .*usb-storage'
echo 'alias usb-storage off' | put /etc/modprobe.d/usb-storage.conf
