"""Removable storage that is plugged in or mounted now.

Reads: interfaces in /sys/bus/usb/devices with class 08 (mass storage) or 06 (still image, which phones and cameras
speak), the block devices in /sys/class/block, /proc/self/mountinfo.
Needs: nothing.
Facts:
  storage_interfaces  USB interfaces of these classes that a driver serves, with the device's name
  idle_interfaces     the same without a driver: plugged in, but not usable as a disk
  removable_mounts    mounted file systems on a USB, removable or SD-card device; an SD card that holds `/` is the
                      system's own disk and left out
Absent when: /sys or /proc/self/mountinfo is not there. A kernel without USB has no /sys/bus/usb: nothing is plugged in.
"""

from __future__ import annotations

import re
from collections.abc import Container

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.output import Output, read

SCRIPT = r"""
word() {
  value=
  [ -r "$1" ] && read -r value <"$1"
  printf '%s' "$value"
}
interfaces() {
  [ -d /sys/bus/usb ] || { [ -d /sys/bus ] && echo 'no usb'; return; }
  for path in /sys/bus/usb/devices/*:*; do
    [ -e "$path/bInterfaceClass" ] || continue
    class=$(word "$path/bInterfaceClass")
    case $class in 08 | 06) ;; *) continue ;; esac
    device=${path%:*}
    driver=$(readlink "$path/driver")
    printf '%s|%s|%s|%s %s\n' "${path##*/}" "$class" "${driver##*/}" "$(word "$device/manufacturer")" \
      "$(word "$device/product")"
  done
}
blocks() {
  [ -d /sys/class/block ] || return 1
  for path in /sys/class/block/*; do
    [ -e "$path/dev" ] || continue
    disk=$(readlink -f "$path")
    flags=
    case $disk in */usb[0-9]*) flags=usb ;; esac
    [ -e "$disk/partition" ] && disk=${disk%/*}
    [ "$(word "$disk/removable")" = 1 ] && flags="$flags removable"
    [ "$(word "$disk/device/type")" = SD ] && flags="$flags sd"
    slaves=
    for slave in "$path"/slaves/*; do
      [ -e "$slave" ] && slaves="$slaves ${slave##*/}"
    done
    printf '%s|%s|%s|%s|%s\n' "${path##*/}" "$(word "$path/dev")" "${disk##*/}" "$flags" "$slaves"
  done
}
run interfaces interfaces
run blocks blocks
run mounts cat /proc/self/mountinfo
"""

FACTS: dict[str, JsonSchema] = {
    "storage_interfaces": {"type": "array", "items": {"type": "string"}},
    "idle_interfaces": {"type": "array", "items": {"type": "string"}},
    "removable_mounts": {"type": "array", "items": {"type": "string"}},
}

_CLASSES = {"08": "mass storage", "06": "still image"}


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
    """Name each mount whose device, or a device below it (LUKS, LVM), can be taken away."""
    devices: dict[str, str] = {}
    flags: dict[str, str] = {}
    below: dict[str, list[str]] = {}
    disk_of: dict[str, str] = {}
    for line in output.run("blocks").lines:
        name, number, disk, marks, slaves = line.split("|")
        devices[number], flags[name], below[name], disk_of[name] = name, marks.strip(), slaves.split(), disk
    mounts = [
        (devices.get(fields[2]) or _source(fields, flags), fields[4])
        for line in output.run("mounts").lines
        if len(fields := line.split(" ")) > 5
    ]
    system = {disk_of[device] for device, point in mounts if point == "/" and device}
    found = set()
    for device, point in mounts:
        for name in _with_below(device, below):
            marks = flags.get(name, "")
            if marks and not (marks == "sd" and disk_of[name] in system):
                found.add(f"{_unescape(point)} on {name} ({marks})")
    return sorted(found)


def _source(fields: list[str], known: Container[str]) -> str:
    """Return the device that a mount names as its source: btrfs mounts have a number of their own."""
    source = fields[-2] if "-" in fields[6:] else ""
    name = source.removeprefix("/dev/")
    return name if name != source and name in known else ""


def _with_below(name: str, below: dict[str, list[str]]) -> list[str]:
    """Return a block device and everything it stands on."""
    names = [name] if name else []
    for upper in names:
        names += [lower for lower in below.get(upper, []) if lower not in names]
    return names


def _unescape(point: str) -> str:
    r"""Undo the octal escapes of mountinfo (`\040`)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)


PROBE = Probe(
    id="linux.removable_storage",
    title="Removable storage that is present",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
)
