"""Which mounts are on media that can be taken away: shell functions for scripts, and what reads them.

A block device counts as removable when it is on USB, when the kernel calls its disk removable (readers, floppies,
optical drives), or when it is an SD card; so does what stands on it (partitions, LUKS, LVM).
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from hardencheck.probes.linux import mounts
from hardencheck.probes.output import Output

#: `run blocks blocks` and `run mounts mounts` are what `read` wants; `word FILE` is its first line.
FUNCTIONS = (
    mounts.FUNCTIONS
    + r"""
look() {
  value=
  [ ! -r "$1" ] || read -r value <"$1"
}
word() {
  look "$1"
  printf '%s' "$value"
}
blocks() {
  [ -d /sys/class/block ] || return 1
  for path in /sys/class/block/*; do
    [ -e "$path/dev" ] || continue
    cd -P "$path" || return 2
    disk=$PWD
    flags=
    case $disk in */usb[0-9]*) flags=usb ;; esac
    [ -e "$disk/partition" ] && disk=${disk%/*}
    look "$disk/removable"
    [ "$value" != 1 ] || flags="$flags removable"
    look "$disk/device/type"
    [ "$value" != SD ] || flags="$flags sd"
    slaves=
    for slave in "$path"/slaves/*; do
      [ -e "$slave" ] && slaves="$slaves ${slave##*/}"
    done
    look "$path/dev"
    printf '%s|%s|%s|%s|%s\n' "${path##*/}" "$value" "${disk##*/}" "$flags" "$slaves"
  done
}
"""
)


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system: its point, its options, and the removable device below it with why it is removable."""

    point: str
    options: frozenset[str]
    device: str
    marks: str


@dataclass(frozen=True, slots=True)
class Media:
    """The block devices with why they are removable (kernel name -> `usb removable sd`), and the disk each is on."""

    marks: dict[str, str]
    disks: dict[str, str]
    below: dict[str, list[str]]
    mounts: tuple[Mount, ...]
    system: frozenset[str]


def read(output: Output) -> Media:
    """Read the block devices and every mount whose device, or a device below it, can be taken away."""
    devices: dict[str, str] = {}
    marks: dict[str, str] = {}
    below: dict[str, list[str]] = {}
    disks: dict[str, str] = {}
    for line in output.run("blocks").lines:
        name, number, disk, flags, slaves = line.split("|")
        devices[number], marks[name], below[name], disks[name] = name, flags.strip(), slaves.split(), disk
    found = [
        (devices.get(fields[2]) or _source(fields, marks), unescape(fields[4]), frozenset(fields[5].split(",")))
        for line in output.run("mounts").lines
        if len(fields := line.split(" ")) > 5
    ]
    system = frozenset(
        disks[name] for device, point, _ in found if point == "/" and device for name in _with_below(device, below)
    )
    mounts = [
        Mount(point, options, name, marks[name])
        for device, point, options in found
        for name in _with_below(device, below)
        if marks.get(name)
    ]
    return Media(marks, disks, below, tuple(mounts), system)


def unescape(point: str) -> str:
    r"""Undo the octal escapes of mountinfo and fstab (`\040`)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)


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
