# shellcheck shell=sh
# USB storage is only blacklisted: modprobe by name still loads it.
# parent: good
# flips: linux-usb-storage-unusable
sed -i '/^install/d' /etc/modprobe.d/usb-storage.conf
