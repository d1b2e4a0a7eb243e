# shellcheck shell=sh
# USB storage is only blacklisted: modprobe by name still loads it.
# parent: good
# flips: USB storage (LNX-USB-001)
sed -i '/^install/d' /etc/modprobe.d/usb-storage.conf
