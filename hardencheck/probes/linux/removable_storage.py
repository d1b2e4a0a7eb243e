"""Removable storage that is plugged in or mounted now.

Reads: interfaces in /sys/bus/usb/devices with class 08 (mass storage), 06 (still image, which phones and cameras
speak) or ff that call themselves MTP, the block devices in /sys/class/block, /proc/self/mountinfo.
Needs: nothing.
Facts:
  storage_interfaces  USB interfaces of these classes that a driver serves, with the device's name
  idle_interfaces     the same without a driver: plugged in, but not usable as a disk
  removable_mounts    mounted file systems on a USB, removable or SD-card device; an SD card that holds `/` is the
                      system's own disk and left out
Absent when: /sys or /proc/self/mountinfo is not there. A kernel without USB has no /sys/bus/usb: nothing is plugged in.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import removable_media
from hardencheck.probes.output import Output, read

SCRIPT = (
    removable_media.FUNCTIONS
    + r"""
interfaces() {
  [ -d /sys/bus/usb ] || { [ -d /sys/bus ] && echo 'no usb'; return; }
  for path in /sys/bus/usb/devices/*:*; do
    [ -e "$path/bInterfaceClass" ] || continue
    class=$(word "$path/bInterfaceClass")
    case $class in
      08 | 06) ;;
      ff) case $(word "$path/interface") in *MTP*) ;; *) continue ;; esac ;;
      *) continue ;;
    esac
    device=${path%:*}
    driver=$(readlink "$path/driver")
    printf '%s|%s|%s|%s %s\n' "${path##*/}" "$class" "${driver##*/}" "$(word "$device/manufacturer")" \
      "$(word "$device/product")"
  done
}
run interfaces interfaces
run blocks blocks
run mounts mounts
"""
)

FACTS: dict[str, JsonSchema] = {
    "storage_interfaces": {"type": "array", "items": {"type": "string"}},
    "idle_interfaces": {"type": "array", "items": {"type": "string"}},
    "removable_mounts": {"type": "array", "items": {"type": "string"}},
}

_CLASSES = {"08": "mass storage", "06": "still image", "ff": "media transfer"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what is plugged in and what is mounted."""
    del context
    output = read(capture)
    facts: dict[str, object] = {}
    read_from: dict[str, str] = {}
    missing: dict[str, str] = {}
    interfaces = output.run("interfaces")
    if interfaces.status != 0:
        missing |= dict.fromkeys(("storage_interfaces", "idle_interfaces"), "/sys/bus is not there")
    else:
        driven, idle = _interfaces(interfaces.lines)
        facts |= {"storage_interfaces": driven, "idle_interfaces": idle}
        where = (
            "no /sys/bus/usb: the kernel runs without USB" if interfaces.lines == ["no usb"] else "/sys/bus/usb/devices"
        )
        read_from |= dict.fromkeys(("storage_interfaces", "idle_interfaces"), where)
    if output.run("blocks").status != 0 or output.run("mounts").status != 0:
        missing["removable_mounts"] = "/sys/class/block or /proc/self/mountinfo is not there"
    else:
        facts["removable_mounts"] = _mounts(output)
        read_from["removable_mounts"] = "/proc/self/mountinfo, /sys/class/block"
    return Observation.of(facts, read_from, missing)


def _interfaces(lines: list[str]) -> tuple[list[str], list[str]]:
    """Split the interfaces into those with and without a driver."""
    driven, idle = [], []
    for line in lines:
        name, _, rest = line.partition("|")
        code, _, rest = rest.partition("|")
        driver, found, product = rest.partition("|")
        if not found:
            continue
        title = f"{name} {product.strip() or 'unnamed device'} ({_CLASSES.get(code, code)})"
        if driver:
            driven.append(f"{title}, driver {driver}")
        else:
            idle.append(title)
    return sorted(driven), sorted(idle)


def _mounts(output: Output) -> list[str]:
    """Name each mount on removable media; an SD card that holds `/` is the system's own disk."""
    media = removable_media.read(output)
    return sorted(
        {
            f"{mount.point} on {mount.device} ({mount.marks})"
            for mount in media.mounts
            if not (mount.marks == "sd" and media.disks[mount.device] in media.system)
        }
    )


PROBE = Probe(
    id="linux.removable_storage",
    title="Removable storage that is present",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
)
