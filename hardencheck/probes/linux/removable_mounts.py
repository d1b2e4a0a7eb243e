"""Whether removable media are mounted so that no program, device file or set-uid file on them counts.

Reads: /proc/self/mountinfo, /sys/class/block, /etc/fstab, the names in /dev/disk.
Needs: nothing.
Facts:
  unrestricted_mounts  mounts of removable media now that lack nodev, nosuid or noexec
  unrestricted_fstab   lines of fstab on removable media that leave one of these out
Absent when: /sys/class/block or /proc/self/mountinfo is not there, or fstab cannot be read.
Not applicable where no removable medium is mounted and fstab speaks of none.

A disk that holds `/` is the system's own, wherever it is plugged in. In fstab the last of `exec` and `noexec` wins;
`user` and `users` stand for all three, `owner` and `group` for nosuid and nodev, where they stand. A line counts as
one on removable media when its device is removable now, when it is a drive for media, or when its device is not there
and the line is made for that (noauto, nofail, user ...) or mounts below /media.
"""

from __future__ import annotations

import re

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import removable_media
from hardencheck.probes.linux.removable_media import Media
from hardencheck.probes.output import Output, read

SCRIPT = (
    removable_media.FUNCTIONS
    + r"""
names() {
  for path in /dev/disk/by-uuid/* /dev/disk/by-label/* /dev/disk/by-partuuid/* /dev/disk/by-partlabel/* \
    /dev/disk/by-id/* /dev/disk/by-path/*; do
    [ -L "$path" ] && printf '%s %s\n' "$path" "$(readlink "$path")"
  done | head -n 500
}
run blocks blocks
run mounts mounts
run names names
if [ -r /etc/fstab ]; then
  run fstab sed -E 's/((pass|pw|secret|key|cred|user)[a-z]*)=[^,[:space:]]*/\1=/g' /etc/fstab
else
  files /etc/fstab
fi
"""
)

FACTS: dict[str, JsonSchema] = {
    "unrestricted_mounts": {"type": "array", "items": {"type": "string"}},
    "unrestricted_fstab": {"type": "array", "items": {"type": "string"}},
}

_WANTED = ("nodev", "nosuid", "noexec")
_IMPLIED = {
    **dict.fromkeys(("user", "users"), _WANTED),
    **dict.fromkeys(("owner", "group"), ("nodev", "nosuid")),
}
_MADE_FOR_MEDIA = {
    "noauto",
    "nofail",
    "user",
    "users",
    "owner",
    "group",
    "x-systemd.automount",
    "comment=systemd.automount",
}
_DRIVES = ("/dev/sr", "/dev/cdrom", "/dev/dvd", "/dev/fd", "/dev/scd", "/dev/usb")
_USB_NAME = re.compile(r"/dev/disk/(?:by-id/usb-|by-path/.*-usb-)")
_TAGS = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel", "ID": "by-id"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what is mounted too freely, and what would be."""
    del context
    output = read(capture)
    if output.run("blocks").status != 0 or output.run("mounts").status != 0:
        return Observation.not_collected("/sys/class/block or /proc/self/mountinfo is not there")
    media = removable_media.read(output)
    mounts = [mount for mount in media.mounts if media.disks[mount.device] not in media.system]
    facts: dict[str, object] = {
        "unrestricted_mounts": sorted(
            f"{mount.point} on {mount.device} ({mount.marks}) lacks {', '.join(lacking)}"
            for mount in mounts
            if (lacking := [option for option in _WANTED if option not in mount.options])
        )[:20]
    }
    read_from = {"unrestricted_mounts": "/proc/self/mountinfo"}
    if "/etc/fstab" in output.unreadable | output.special | output.dangling:
        return Observation.of(facts, read_from, {"unrestricted_fstab": "/etc/fstab cannot be read"})
    lines = _fstab(output, media)
    if not mounts and not lines:
        return Observation.not_applicable("no removable medium is mounted, and fstab speaks of none")
    facts["unrestricted_fstab"] = [line for line, lacking in lines if lacking][:20]
    return Observation.of(facts, read_from | {"unrestricted_fstab": "/etc/fstab"})


def _fstab(output: Output, media: Media) -> list[tuple[str, bool]]:
    """Return each line on removable media, described, and whether it lacks an option."""
    fstab = output.runs.get("fstab")
    links = dict(line.split(" ", 1) for line in output.run("names").lines if " " in line)
    found = []
    for number, line in enumerate(fstab.lines if fstab else [], 1):
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith("#") or fields[2] == "swap":
            continue
        options = fields[3].split(",") if len(fields) > 3 else []
        point = removable_media.unescape(fields[1])
        if _is_removable(fields[0], point, set(options), (media, links)):
            given = effective(options)
            lacking = [option for option in _WANTED if option not in given]
            found.append((f"/etc/fstab:{number} {point} lacks {', '.join(lacking)}", bool(lacking)))
    return found


def _is_removable(spec: str, point: str, options: set[str], known: tuple[Media, dict[str, str]]) -> bool:
    """Whether a line of fstab is about a medium that can be taken away."""
    media, links = known
    if spec.startswith(_DRIVES):
        return True
    tag, equals, value = spec.partition("=")
    path = f"/dev/disk/{_TAGS[tag]}/{_encoded(value)}" if equals and tag in _TAGS else spec
    name = links.get(path, path).rpartition("/")[2]
    if name not in media.marks and _USB_NAME.match(path):
        return True  # not there now, and its name says what it is
    if name in media.marks:
        return bool(media.marks[name]) and media.disks[name] not in media.system
    if not path.startswith("/dev/"):
        return False  # network and pseudo file systems, bind mounts
    return bool(options & _MADE_FOR_MEDIA) or point.startswith(("/media/", "/run/media/", "/mnt/usb"))


def _encoded(value: str) -> str:
    """Spell a tag's value as udev does in /dev/disk: without quotes, blanks and slashes in hexadecimal."""
    return value.strip("\"'").replace("\\040", " ").replace(" ", "\\x20").replace("/", "\\x2f")


def effective(options: list[str]) -> frozenset[str]:
    """Return which of nodev, nosuid and noexec a list of mount options gives (mount(8)): the last word on each wins."""
    given: set[str] = set()
    for option in options:
        if option in _WANTED:
            given.add(option)
        elif f"no{option}" in _WANTED:
            given.discard(f"no{option}")
        else:
            given.update(_IMPLIED.get(option, ()))
    return frozenset(given)


PROBE = Probe(
    id="linux.removable_mounts",
    title="Options of removable media's mounts",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
)
