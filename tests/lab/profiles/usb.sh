# shellcheck shell=sh
# USB storage is not blocked at all.
# parent: good
# flips: USB storage (LNX-USB-001)
rm /etc/modprobe.d/usb-storage.conf
