# shellcheck shell=sh
# The greps of a guide find both lines: one is a comment, the others stand in a file that does not end in .conf.
# parent: good
# mode: lite
# verdict: linux-usb-storage-unusable=fail
# because: modprobe.d(5): only files that end in .conf are read, and a line that begins with # is a comment.
# proof: grep -r usb-storage /etc/modprobe.d | grep -q /bin/false && grep -rw blacklist /etc/modprobe.d | grep -q usb-storage
# proof: modprobe -n -v usb-storage | grep -q '^insmod .*usb-storage'
mv /etc/modprobe.d/usb-storage.conf /etc/modprobe.d/usb-storage.conf.disabled
echo '# install usb-storage /bin/false' | put /etc/modprobe.d/usb.conf
