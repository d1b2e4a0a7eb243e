# shellcheck shell=sh
# Both lines that guides ask for are there, but a file that sorts before them says how to load the driver.
# parent: good
# mode: lite
# verdict: linux-usb-storage-unusable=fail
# because: libkmod takes the first install line in the order of file names; later ones are never looked at.
# proof: modprobe -n -v usb-storage | grep -q 'install .*ignore-install usb-storage'
echo 'install usb-storage /sbin/modprobe --ignore-install usb-storage' | put /etc/modprobe.d/10-kiosk.conf
