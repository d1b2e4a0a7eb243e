"""Whether /tmp, /var/tmp and /dev/shm are mounted with nodev, nosuid and noexec, now and after the next boot.

Reads: /proc/1/mounts (else /proc/self/mounts), /etc/fstab, the mount units tmp.mount and var-tmp.mount with their
drop-ins and the links that start them, where the three directories really are (readlink).
Needs: root (the mounts of process 1; a login session may have a /tmp of its own).
Facts: unrestricted_now, unrestricted_at_boot (each item a directory and what it lacks); literal_offenders (directories
that have no line of their own with all three options in /etc/fstab: the letter of the guides).
Absent when: in a container, whose engine mounts them: not_applicable.

Of several mounts on one place the last one counts. mount(8): `user` and `users` imply all three options, `owner` and
`group` imply nosuid and nodev, later words win, `defaults` changes nothing. systemd.mount(5): a unit in
/etc/systemd/system or /run/systemd/system comes before the fstab, the fstab before /usr/lib; drop-ins change both. A
unit that no .wants or .requires links to is not mounted at boot. systemd refuses units for /dev/shm and mounts it
itself with nosuid and nodev; only the fstab adds noexec.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.output import Output, read

SCRIPT = r"""
if [ -r /proc/1/mounts ]; then mounts=/proc/1/mounts; else mounts=/proc/self/mounts; fi
on() {
  awk '$2 ~ "^(/|/tmp|/var|/var/tmp|/dev|/dev/shm|/run|/run/shm)$" { print $2, $3, $2 == "/" ? "-" : $4 }' "$mounts"
}
run mounts on
# shellcheck disable=SC2016 # the inner shell expands it
run places sh -c 'for place in /tmp /var/tmp /dev/shm; do printf "%s %s\n" "$place" "$(readlink -f "$place")"; done'
[ ! -d /run/systemd/system ] || run systemd echo systemd
set -- /etc/fstab
for unit in tmp.mount var-tmp.mount; do
  for base in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system \
    /lib/systemd/system; do
    for path in "$base/$unit" "$base/$unit.d"/*.conf "$base/mount.d"/*.conf; do
      if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi
    done
  done
done
files "$@"
starts() {
  for path in /etc/systemd/system/*.wants/*tmp.mount /etc/systemd/system/*.requires/*tmp.mount \
    /run/systemd/system/*.wants/*tmp.mount /usr/lib/systemd/system/*.wants/*tmp.mount \
    /usr/lib/systemd/system/*.requires/*tmp.mount /lib/systemd/system/*.wants/*tmp.mount; do
    [ ! -L "$path" ] || echo "$path"
  done
}
run starts starts
"""

FACTS: dict[str, JsonSchema] = {
    "unrestricted_now": {"type": "array", "items": {"type": "string"}},
    "unrestricted_at_boot": {"type": "array", "items": {"type": "string"}},
    "literal_offenders": {"type": "array", "items": {"type": "string"}},
}

PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  these are what is asked for
WANTED = ("nodev", "nosuid", "noexec")
_UNITS = {"/tmp": "tmp.mount", "/var/tmp": "var-tmp.mount"}  # noqa: S108
_DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_BEFORE_FSTAB = _DIRECTORIES[:2]


@dataclass(frozen=True, slots=True)
class _AtBoot:
    """What will be mounted on one place: its options and where they are written; None when nothing will be."""

    options: str | None
    where: str

    @property
    def lacks(self) -> str:
        """What is wrong, or ""."""
        if self.options is None:
            return self.where
        missing = lacking(self.options.split(","))
        return f"{missing} ({self.where})" if missing else ""


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the places that lack an option, now and at boot."""
    output = read(capture)
    if context.system.container:
        return Observation.not_applicable(
            f"what is mounted in this container is decided by its engine ({context.system.container})"
        )
    now = _mounted(output.run("mounts").lines)
    real = {words[0]: words[1] for line in output.run("places").lines if len(words := line.split()) == 2}
    if output.run("mounts").status or "/" not in now:
        return Observation.not_collected("the mounts could not be listed")
    if set(real) != set(PLACES):
        return Observation.not_collected("where /tmp, /var/tmp and /dev/shm are could not be told")
    if closed := sorted(output.unreadable):
        return Observation.not_collected(f"{closed[0]} cannot be read")
    lacks_now, at_boot, literal, read_from = [], [], [], []
    for place in PLACES:
        where = real[place]
        kind, options = now.get(where, ("", ""))
        missing = lacking(options.split(",")) if kind else "is not a file system of its own"
        lacks_now += [f"{place}: {missing}"] * bool(missing)
        # ZFS keeps its mount points and their options in the pool
        boot = _AtBoot(options, "ZFS") if kind == "zfs" else _at_boot(output, where)
        read_from.append(f"{place}: {boot.where}")
        at_boot += [f"{place}: {boot.lacks}"] * bool(boot.lacks)
        lines = [options for _, options in _fstab(output, place)]
        literal += [f"{place}: no line with {', '.join(WANTED)} in /etc/fstab"] * (
            not lines or any(not set(WANTED) <= set(options.split(",")) for options in lines)
        )
    facts = {"unrestricted_now": lacks_now, "unrestricted_at_boot": at_boot, "literal_offenders": literal}
    where_read = {
        "unrestricted_now": "/proc/1/mounts",
        "unrestricted_at_boot": "; ".join(read_from),
        "literal_offenders": "/etc/fstab",
    }
    return Observation.of(facts, where_read)


def _mounted(lines: list[str]) -> dict[str, tuple[str, str]]:
    """Return type and options of what is on top of each mount point; a later mount above hides what lies below.

    The root is no such mount: it is listed late when an initial file system handed /dev over to it.
    """
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        words = line.split()
        if len(words) == 3:
            found = {path: at for path, at in found.items() if words[0] == "/" or not path.startswith(f"{words[0]}/")}
            found[words[0]] = (words[1], words[2])
    return found


def lacking(options: Iterable[str]) -> str:
    """Return which of nodev, nosuid and noexec mount options lack, as "no nodev, nosuid", or ""."""
    state = dict.fromkeys(WANTED, False)
    for word in options:
        if word in ("user", "users"):
            state = dict.fromkeys(WANTED, True)
        elif word in ("owner", "group"):
            state |= {"nodev": True, "nosuid": True}
        elif word in state:
            state[word] = True
        elif f"no{word}" in state:
            state[f"no{word}"] = False
    missing = [word for word, there in state.items() if not there]
    return f"not mounted {', '.join(missing)}" if missing else ""


def _at_boot(output: Output, place: str) -> _AtBoot:
    """Return what systemd, or mount -a where there is no systemd, will mount on a place."""
    lines = _fstab(output, place)
    dropins: list[tuple[str, str]] = []
    if unit := _UNITS.get(place) if "systemd" in output.runs else None:
        path = next((found for base in _DIRECTORIES if _there(output, found := f"{base}/{unit}")), "")
        if path and path not in output.files:
            return _AtBoot(None, f"{path} masks the mount")
        dropins = _dropins(output, unit)
        if path and (path.rpartition("/")[0] in _BEFORE_FSTAB or not lines):
            if not any(line.endswith(f"/{unit}") for line in output.run("starts").lines):
                return _AtBoot(None, f"nothing starts {path} at boot")
            return _last([(path, output.files[path]), *dropins], "")
    if not lines:
        return _AtBoot(None, "nothing mounts it at boot (/etc/fstab)")
    # of two lines for one place systemd takes the first and mount -a ends with the last: both have to be good
    worst = max(lines, key=lambda line: ("noauto" in line[1].split(","), len(lacking(line[1].split(",")))))
    if "noauto" in worst[1].split(","):
        return _AtBoot(None, f"{worst[0]}: noauto")
    return _last(dropins, worst[1], worst[0])


def _there(output: Output, path: str) -> bool:
    return path in output.files or path in output.special or path in output.dangling


def _dropins(output: Output, unit: str) -> list[tuple[str, str]]:
    """Return the drop-ins of a mount unit in the order in which systemd reads them: those of all mounts first."""
    found = []
    for folder in ("mount.d", f"{unit}.d"):
        by_name: dict[str, tuple[str, str]] = {}
        for base in reversed(_DIRECTORIES):
            prefix = f"{base}/{folder}/"
            paths = sorted(output.files.keys() | output.special | output.dangling)
            for path in paths:
                if path.startswith(prefix):
                    by_name[path.removeprefix(prefix)] = (path, output.files.get(path, ""))
        found += [by_name[name] for name in sorted(by_name)]
    return found


def _last(files: list[tuple[str, str]], options: str, where: str = "") -> _AtBoot:
    """Return the last `Options=` of the [Mount] sections; an empty one takes back what stood before."""
    for path, text in files:
        section = ""
        for number, line in enumerate(text.splitlines(), 1):
            if found := re.match(r"\s*\[(.*)\]\s*$", line):
                section = found[1]
            elif section == "Mount" and (found := re.match(r"\s*Options\s*=\s*(.*?)\s*$", line)):
                options, where = found[1], f"{path}:{number}"
    return _AtBoot(options, where or (files[0][0] if files else ""))


def _fstab(output: Output, place: str) -> list[tuple[str, str]]:
    """Return line and options of each entry for a place (fstab(5))."""
    found = []
    for number, line in enumerate(output.files.get("/etc/fstab", "").splitlines(), 1):
        words = line.split()
        if len(words) < 3 or words[0].startswith("#"):
            continue
        if (words[1].rstrip("/") or "/") == place:
            found.append((f"/etc/fstab:{number}", words[3] if len(words) > 3 else "defaults"))
    return found


PROBE = Probe(
    id="linux.temporary_mounts",
    title="Mount options of /tmp, /var/tmp and /dev/shm",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=64 * 1024,
)
