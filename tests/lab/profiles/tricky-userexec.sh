# shellcheck shell=sh
# The optical drive's line says noexec, and user behind it would say so again, but exec has the last word.
# parent: good
# mode: lite
# verdict: linux-removable-mounts-restricted=fail
# because: mount(8): user implies noexec, nosuid and nodev unless later options override them, as in user,exec.
echo '/dev/sr0 /media/cdrom0 udf,iso9660 noexec,user,noauto,exec 0 0' >>/etc/fstab
