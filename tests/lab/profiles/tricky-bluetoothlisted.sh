# shellcheck shell=sh
# Bluetooth is on the blacklist and not loaded; whoever asks for it by name gets it.
# parent: good
# mode: lite
# verdict: linux-bluetooth-blocked=fail linux-capture-devices-blocked=pass
# because: modprobe.d(5): blacklist hides a module's own aliases, it does not keep modprobe from loading it by name.
# proof: modprobe -n -v bluetooth | grep -q '^insmod .*bluetooth'
echo 'blacklist bluetooth' | put /etc/modprobe.d/bluetooth.conf
for tree in /lib/modules/*; do
  mkdir -p "$tree/kernel/net/bluetooth"
  : >"$tree/kernel/net/bluetooth/bluetooth.ko"
  echo 'kernel/net/bluetooth/bluetooth.ko:' >>"$tree/modules.dep"
  depmod "${tree##*/}" 2>/dev/null || true
done
