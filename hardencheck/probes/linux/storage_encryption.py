"""Which mounted file systems and swap areas are not encrypted.

Reads: /proc/self/mountinfo, /proc/swaps, /sys/class/block, /sys/fs/btrfs, the kernel's device-mapper tables (`dmsetup
table`, without keys), `zfs get encryption` where ZFS is mounted, /etc/crypttab with the devices that it means.
Needs: root (device-mapper tables).
Facts:
  unencrypted_volumes       mount points of file systems on this host's own storage, and `swap`, whose data reach a disk
                            without encryption; read_from names the device
  partitions_without_crypttab  partitions, and disks used whole, without a line of their own in /etc/crypttab, but for
                            those mounted below /boot or at /efi: what the letter of the guides asks for. It does not
                            tell whether they are encrypted: the kernel's command line may name a device, too
Absent when: the host is a container (not_applicable: its disks are another host's), or sysfs does not say what `/`
stands on. Memory, read-only images, and file systems of other machines are no volumes of this host. Encryption by a
drive, a hypervisor or by directory (fscrypt) cannot be seen and does not count.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import block_devices
from hardencheck.probes.linux.block_devices import Beneath, Mount, Storage, inside
from hardencheck.probes.output import Output, read

SCRIPT = (
    block_devices.FUNCTIONS
    + r"""
crypttab() {
  [ -e /etc/crypttab ] || return 0
  while read -r name device _; do
    case $name in '' | '#'*) continue ;; esac
    case $device in
      UUID=* | PARTUUID=* | LABEL=* | PARTLABEL=* | ID=*)
        value=${device#*=}
        value=${value#\"}
        kind=$(printf '%s' "${device%%=*}" | tr '[:upper:]' '[:lower:]')
        device=/dev/disk/by-$kind/${value%\"}
        ;;
    esac
    printf '%s %s\n' "$name" "$(readlink -f "$device")"
  done </etc/crypttab
}
partitions() {
  for path in /sys/class/block/*/partition; do
    [ ! -e "$path" ] || { path=${path%/*}; echo "${path##*/}"; }
  done
}
storage
run swaps cat /proc/swaps
run crypttab crypttab
run partitions partitions
"""
)

FACTS: dict[str, JsonSchema] = {
    "unencrypted_volumes": {"type": "array", "items": {"type": "string"}},
    "partitions_without_crypttab": {"type": "array", "items": {"type": "string"}},
}

#: File systems that always store their files on a device, even where its name and number are unknown.
_STORED = {
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "vfat", "msdos", "exfat", "ntfs", "ntfs3",
    "fuseblk", "bcachefs", "ocfs2", "gfs2", "hfsplus", "nilfs2", "ubifs", "jffs2",
}  # fmt: skip

#: Names in a list, at most.
_LIMIT = 20


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what is mounted or swapped to without encryption beneath."""
    output = read(capture)
    if context.system.container:
        return Observation.not_applicable(f"a container ({context.system.container}): its disks belong to its host")
    storage = block_devices.of(output)
    if isinstance(storage, str):
        return Observation.not_collected(storage)
    if output.run("swaps").status:
        return Observation.not_collected("/proc/swaps cannot be read")
    plain, unclear = _volumes(storage, output)
    facts: dict[str, object] = {"partitions_without_crypttab": _not_in_crypttab(storage, output)[:_LIMIT]}
    read_from = {"partitions_without_crypttab": "/etc/crypttab, /sys/class/block"}
    missing: dict[str, str] = {}
    allowed = set(context.values.get("unencrypted_volumes_allowed", []))
    if set(plain) - allowed or not unclear:
        names = sorted(plain)
        more = [f"{len(names) - _LIMIT} more"] if len(names) > _LIMIT else []
        facts["unencrypted_volumes"] = names[:_LIMIT] + more
        told = ", ".join(f"{name}: {'; '.join(plain[name])}" for name in names[:_LIMIT])
        read_from["unencrypted_volumes"] = told or "/proc/self/mountinfo, /proc/swaps, /sys/class/block, dmsetup table"
    else:
        missing["unencrypted_volumes"] = "; ".join(dict.fromkeys(unclear))
    return Observation.of(facts, read_from, missing)


def _volumes(storage: Storage, output: Output) -> tuple[dict[str, list[str]], list[str]]:
    """Return the volumes without encryption with the devices beneath, and what could not be told."""
    walked: dict[str, Beneath] = {}
    for mount in storage.mounts:
        if mount.point == "/" or _holds_data(storage, mount):
            found = storage.beneath(mount)
            known = walked.setdefault(mount.point, Beneath())
            known.plain += found.plain
            known.unclear += found.unclear
    for line in output.run("swaps").lines[1:]:
        words = line.split()
        path, kind = (block_devices.unescape(words[0]), words[1]) if len(words) > 1 else ("", "")
        found = storage.beneath_path(path) if kind == "file" else storage.beneath_device(path)
        known = walked.setdefault("swap", Beneath())
        known.plain += found.plain
        known.unclear += found.unclear
    if "/" not in walked:
        walked["/"] = Beneath(unclear=["no file system is mounted at /"])
    plain = {name: list(dict.fromkeys(found.plain)) for name, found in walked.items() if found.plain}
    return plain, [why for name, found in sorted(walked.items()) if name not in plain for why in found.unclear]


def _holds_data(storage: Storage, mount: Mount) -> bool:
    """Whether a mount shows files that this host stores: on a device, or on a ZFS dataset."""
    if mount.elsewhere:
        return False
    return mount.kind in _STORED or mount.source.startswith("/dev/") or storage.on_device(mount) is not None


def _not_in_crypttab(storage: Storage, output: Output) -> list[str]:
    listed = {line.partition(" ")[2] for line in output.run("crypttab").lines}
    partitions = {name for name in output.run("partitions").lines if name in storage.devices}
    booted = {
        device.name
        for mount in storage.mounts
        if inside(mount.point, "/boot") or mount.point == "/efi"
        if (device := storage.on_device(mount)) is not None
    }
    disks_of_partitions = {name for partition in partitions for name in storage.devices[partition].below}
    used = {name for device in storage.devices.values() for name in device.below}
    used |= {device.name for mount in storage.mounts if (device := storage.on_device(mount)) is not None}
    whole = {
        name
        for name in used - disks_of_partitions
        if name in storage.devices and not storage.devices[name].below and not name.startswith(("loop", "zram", "dm-"))
    }
    return sorted(name for name in (partitions | whole) - booted if f"/dev/{name}" not in listed)


PROBE = Probe(
    id="linux.storage_encryption",
    title="Encryption of mounted file systems and swap",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    parameters={"unencrypted_volumes_allowed": {"type": "array", "items": {"type": "string"}}},
)
