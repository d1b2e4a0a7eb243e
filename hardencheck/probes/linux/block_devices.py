"""What stands beneath a mounted file system, down to the disks, and whether all of it is encrypted.

The source is sysfs, not lsblk: it is there without tools, and it names what a device stands on (`slaves`), a
partition's disk, a loop device's file and a mapping's uuid. What counts as encrypted:
- a device-mapper device that consists of `crypt` targets alone, with a cipher that is not cipher_null. Its uuid says
  only which program made it (CRYPT-VERITY- and CRYPT-INTEGRITY- encrypt nothing), so the kernel's table decides. A
  volume that is just being encrypted has a second, linear target: not encrypted yet;
- a device of which everything that it stands on is encrypted: LVM, md, bcache, multipath, partitions, a loop device by
  the file system of its file, btrfs by all its devices (/sys/fs/btrfs), an overlay by all its layers;
- a ZFS dataset with `encryption` on; ecryptfs and gocryptfs; memory (tmpfs, zram without backing device), and images
  that nobody can write to (squashfs, iso9660, erofs), because they hold nobody's data.
Encryption by a drive itself (OPAL), by a hypervisor or by directory (fscrypt) cannot be seen here: not encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import dirname

from hardencheck.probes.linux import mounts
from hardencheck.probes.output import Output

#: Functions for a probe's script. `storage` writes the items that `of` reads: blocks, btrfs, tables, zfs, mounts.
#: dmsetup is asked only where mappings exist (opening its control device may load a module), and what follows a
#: target's name, where keys stand, is cut off on the host but for the cipher.
FUNCTIONS = (
    mounts.FUNCTIONS
    + r"""
word() {
  value=
  [ ! -r "$1" ] || read -r value <"$1"
  printf '%s' "$value"
}
blocks() {
  [ -d /sys/class/block ] || return 1
  for path in /sys/class/block/*; do
    [ -e "$path/dev" ] || continue
    below=
    if [ -e "$path/partition" ]; then
      disk=$(readlink -f "$path")
      disk=${disk%/*}
      below=" ${disk##*/}"
    fi
    for slave in "$path"/slaves/*; do
      [ ! -e "$slave" ] || below="$below ${slave##*/}"
    done
    word "$path/dev"
    printf '|%s|%s|' "${path##*/}" "${below# }"
    word "$path/dm/uuid"
    printf '|'
    word "$path/dm/name"
    printf '|'
    word "$path/backing_dev"
    printf '|'
    word "$path/loop/backing_file"
    echo
  done
}
btrfs_devices() {
  for path in /sys/fs/btrfs/*/devices/*; do
    [ -e "$path" ] || continue
    pool=${path#/sys/fs/btrfs/}
    printf '%s %s\n' "${pool%%/*}" "${path##*/}"
  done
}
tables() {
  for path in /sys/class/block/dm-*; do
    [ -e "$path" ] || continue
    text=$(dmsetup table --manglename none) || return
    printf '%s\n' "$text" | awk '{
      if (!match($0, /: [0-9]+ [0-9]+ [^ ]+/)) next
      rest = substr($0, RSTART + RLENGTH + 1)
      sub(/ .*/, "", rest)
      head = substr($0, 1, RSTART + RLENGTH - 1)
      print head (head ~ / crypt$/ ? " " rest : "")
    }'
    return
  done
}
datasets() {
  ! grep -q ' - zfs ' /proc/self/mountinfo || zfs get -H -o name,value -t filesystem encryption
}
storage() {
  run blocks blocks
  run btrfs btrfs_devices
  run tables tables
  run zfs datasets
  run mounts mounts
}
"""
)

_MEMORY = {"tmpfs", "ramfs", "devtmpfs", "rootfs", "hugetlbfs"}
_IMAGES = {"squashfs", "iso9660", "erofs", "cramfs", "romfs"}
_CIPHERING = {"ecryptfs", "fuse.gocryptfs"}
_ELSEWHERE = {"nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "glusterfs", "lustre", "afs"}


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo: `root` is the directory within the file system that is seen at `point`."""

    point: str
    root: str
    number: str
    kind: str
    source: str
    options: str

    @property
    def elsewhere(self) -> bool:
        """Whether another machine, or a program, stores the files."""
        program = self.kind.startswith("fuse.") and (self.source == "/dev/fuse" or not self.source.startswith("/dev/"))
        return program or self.kind in _ELSEWHERE


@dataclass(frozen=True, slots=True)
class Device:
    """One block device: `below` names what it stands on, `backing` the file or device that stores it."""

    name: str
    number: str
    below: tuple[str, ...] = ()
    uuid: str = ""
    mapping: str = ""
    backing: str = ""


@dataclass(slots=True)
class Beneath:
    """What was found below one file system: devices without encryption, and what could not be told."""

    plain: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Storage:
    """The block devices and mounts of one host; `tables` is None where the kernel's mappings could not be read."""

    devices: Mapping[str, Device]
    mounts: tuple[Mount, ...]
    tables: Mapping[str, tuple[str, ...]] | None
    pools: Mapping[str, tuple[str, ...]]
    datasets: Mapping[str, str]

    def mount_of(self, path: str) -> Mount | None:
        """Return the mount that a path (absolute, without links) lies in: of several at one point, the last."""
        covering = [mount for mount in self.mounts if inside(path, mount.point)]
        return max(enumerate(covering), key=lambda item: (len(item[1].point), item[0]))[1] if covering else None

    def beneath(self, mount: Mount) -> Beneath:
        """Walk from a file system down to what is not encrypted."""
        found = Beneath()
        self._mount(mount, found)
        return found

    def beneath_path(self, path: str) -> Beneath:
        """Walk down from the file system that a path lies in."""
        found = Beneath()
        self._path(path, found)
        return found

    def beneath_device(self, path: str) -> Beneath:
        """Walk down from a device by its name in /dev, such as a swap partition."""
        found = Beneath()
        device = self.device(path)
        if device is None:
            found.unclear.append(f"{path} is not a device that sysfs knows")
        else:
            self._device(device, found)
        return found

    def device(self, path: str) -> Device | None:
        """Return the device of /dev/NAME or /dev/mapper/NAME."""
        if path.startswith("/dev/mapper/"):
            name = path.removeprefix("/dev/mapper/")
            return next((device for device in self.devices.values() if device.mapping == name), None)
        return self.devices.get(path.removeprefix("/dev/").replace("/", "!")) if path.startswith("/dev/") else None

    def on_device(self, mount: Mount) -> Device | None:
        """Return the block device of a mount; btrfs and FUSE have numbers of their own, and name it as their source."""
        by_number = next((device for device in self.devices.values() if device.number == mount.number), None)
        return by_number or self.device(mount.source)

    def _mount(self, mount: Mount, found: Beneath) -> None:
        if (key := f"mount {mount.point} {mount.number}") in found.seen:
            return
        found.seen.append(key)
        device = self.on_device(mount)
        if mount.kind in _MEMORY | _IMAGES | _CIPHERING:
            return
        if mount.kind == "overlay":
            self._overlay(mount, found)
        elif mount.kind == "zfs":
            state = self.datasets.get(mount.source.partition("@")[0], "")
            if state == "off":
                found.plain.append(f"ZFS dataset {mount.source} (encryption off)")
            elif not state or state == "-":
                found.unclear.append(f"zfs does not say whether {mount.source} is encrypted")
        elif mount.elsewhere:
            found.unclear.append(
                f"{mount.point} is on {mount.kind} ({mount.source}), whose storage is not on this host"
            )
        elif mount.kind == "btrfs":
            self._btrfs(mount, device, found)
        elif device is None:
            found.unclear.append(f"{mount.point} ({mount.kind}, {mount.source}) is on no device that sysfs knows")
        else:
            self._device(device, found)

    def _overlay(self, mount: Mount, found: Beneath) -> None:
        layers = [
            layer
            for option in mount.options.split(",")
            if option.startswith(("lowerdir=", "upperdir=", "lowerdir+=", "datadir+="))
            for layer in option.partition("=")[2].split(":")
            if layer
        ]
        before = len(found.seen)
        for layer in layers:
            self._path(layer, found)
        if len(found.seen) == before:
            found.unclear.append(f"the layers of the overlay at {mount.point} are not mounted where it can be seen")

    def _btrfs(self, mount: Mount, device: Device | None, found: Beneath) -> None:
        pool = next((names for names in self.pools.values() if device and device.name in names), ())
        if device is None or not pool or any(name not in self.devices for name in pool):
            found.unclear.append(f"the devices of the btrfs at {mount.point} could not be read")
            return
        for name in pool:
            self._device(self.devices[name], found)

    def _path(self, path: str, found: Beneath) -> None:
        mount = self.mount_of(path) if path.startswith("/") else None
        if mount is None:
            found.unclear.append(f"{path} is on no file system that can be seen")
        else:
            self._mount(mount, found)

    def _device(self, device: Device, found: Beneath) -> None:
        if device.name in found.seen:
            return
        found.seen.append(device.name)
        if self._enciphers(device, found):
            return
        if device.name.startswith("zram"):
            if device.backing and device.backing != "none":
                self._device_or_file(device.backing, found)
        elif device.backing:
            self._device_or_file(device.backing, found)
        elif device.name.startswith("zd"):
            found.unclear.append(f"{device.name} is a ZFS volume, whose encryption is not in sysfs")
        elif not device.below:
            found.plain.append(device.name)
        for name in device.below:
            if name in self.devices:
                self._device(self.devices[name], found)
            else:
                found.unclear.append(f"{device.name} stands on {name}, which sysfs does not show")

    def _device_or_file(self, path: str, found: Beneath) -> None:
        if path.endswith(" (deleted)"):
            found.unclear.append(f"the file {path.removesuffix(' (deleted)')} beneath a loop device is deleted")
        elif (device := self.device(path)) is not None:
            self._device(device, found)
        else:
            self._path(path, found)

    def _enciphers(self, device: Device, found: Beneath) -> bool:
        """Whether a device is a mapping that encrypts; notes it where only the kernel's table could tell."""
        if not device.mapping:
            return False
        if self.tables is None:
            if device.uuid.startswith("CRYPT-") and not device.uuid.startswith(("CRYPT-VERITY-", "CRYPT-INTEGRITY-")):
                found.unclear.append(f"dmsetup is needed to see the cipher of {device.mapping}")
                return True
            return False
        targets = self.tables.get(device.mapping)
        if not targets:
            found.unclear.append(f"dmsetup does not show the mapping {device.mapping}")
            return True
        kinds = [target.partition(" ") for target in targets]
        if any(kind == "crypt" and not cipher for kind, _, cipher in kinds):
            found.unclear.append(f"dmsetup does not show the cipher of {device.mapping}")
            return True
        return all(kind == "crypt" and "cipher_null" not in cipher for kind, _, cipher in kinds)


def inside(path: str, directory: str) -> bool:
    """Whether a path is a directory or lies in it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def ancestors(path: str) -> Iterator[str]:
    """Yield a path and every directory above it, up to `/`."""
    while path not in ("/", ""):
        yield path
        path = dirname(path)
    yield "/"


def of(output: Output) -> Storage | str:
    """Read the items of `storage`; a sentence says what could not be looked at."""
    blocks, mounts, tables, zfs = (output.run(label) for label in ("blocks", "mounts", "tables", "zfs"))
    if blocks.status or mounts.status or not mounts.lines:
        return "/sys/class/block or /proc/self/mountinfo is not there"
    devices: dict[str, Device] = {}
    for line in blocks.lines:
        fields = line.split("|", 6)
        if len(fields) != 7 or not re.fullmatch(r"\d+:\d+", fields[0]):
            return "the list of block devices cannot be read"
        number, name, below, uuid, mapping, backing, file = fields
        devices[name] = Device(name, number, tuple(below.split()), uuid, mapping, file or backing)
    found = tuple(_mounts(mounts.text))
    if len(found) != len(mounts.text.rstrip("\n").split("\n")):
        return "/proc/self/mountinfo cannot be read"
    pools: dict[str, tuple[str, ...]] = {}
    for pool, _, name in (line.partition(" ") for line in output.run("btrfs").lines):
        pools[pool] = (*pools.get(pool, ()), name)
    datasets = dict(line.split("\t", 1) for line in zfs.lines if "\t" in line) if not zfs.status else {}
    return Storage(devices, found, None if tables.status else _tables(tables.text, devices), pools, datasets)


def _tables(text: str, devices: Mapping[str, Device]) -> dict[str, tuple[str, ...]]:
    """Return the targets (`crypt CIPHER`, or the kind alone) of each mapping."""
    found: dict[str, tuple[str, ...]] = {}
    for device in devices.values():
        if device.mapping:
            line = re.compile(rf"^{re.escape(device.mapping)}: \d+ \d+ (.+)$", re.MULTILINE)
            found[device.mapping] = tuple(line.findall(text))
    return found


def _mounts(text: str) -> Iterator[Mount]:
    for line in text.split("\n"):
        left, dash, right = line.partition(" - ")
        fields, tail = left.split(" "), right.split(" ")
        if dash and len(fields) > 5 and len(tail) > 2:
            yield Mount(unescape(fields[4]), unescape(fields[3]), fields[2], tail[0], unescape(tail[1]), tail[2])


def unescape(text: str) -> str:
    r"""Undo the octal escapes of /proc (`\040`)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
