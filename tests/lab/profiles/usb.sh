# shellcheck shell=sh
# USB storage is not blocked at all.
# parent: good
# flips: linux-usb-storage-unusable
rm /etc/modprobe.d/usb-storage.conf
