"""The configuration files of systemd's own programs: main file, drop-ins, masks (systemd.conf(5), conf-parser.c).

One main file counts: the first of /etc, /run, /usr/local/lib, /usr/lib. Drop-ins (`NAME.conf.d/*.conf`) are merged by
file name: the first directory that holds a name wins, and an empty file or a link to /dev/null there masks the others.
All are read after the main file, in the order of their names wherever they lie, and the last assignment wins. What an
empty assignment does depends on the option: texts and lists fall back to the default, times and booleans ignore it.
A malformed section header stops systemd from reading on, in this file and in all later ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hardencheck.probes.output import Output

#: Where main files and drop-in directories lie, the strongest first; /lib is /usr/lib on merged systems.
DIRECTORIES = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")

#: A function for a probe's script: `systemd_files logind` yields what there is of logind.conf and logind.conf.d.
FUNCTIONS = r"""
systemd_files() {
  name=$1.conf
  set --
  for base in /etc/systemd /run/systemd /usr/local/lib/systemd /usr/lib/systemd /lib/systemd; do
    [ "$base" != /lib/systemd ] || [ ! -L /lib ] || continue
    for path in "$base/$name" "$base/$name.d"/*.conf; do
      if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi
    done
    path=$base/$name.d
    [ ! -d "$path" ] || { [ -r "$path" ] && [ -x "$path" ]; } || printf '@unreadable %s\n' "$path"
  done
  files "$@"
}
"""

_UNITS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
    **dict.fromkeys(("M", "month", "months"), 2629800.0),
    **dict.fromkeys(("y", "year", "years"), 31557600.0),
    **dict.fromkeys(("ms", "msec"), 0.001),
    **dict.fromkeys(("us", "usec", "μs", "µs"), 0.000001),
}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-zμµ]*)\s*")


@dataclass(frozen=True, slots=True)
class Setting:
    """One assignment: its value as it is written, and the file and line it stands in."""

    value: str
    where: str


@dataclass(frozen=True, slots=True)
class Config:
    """All assignments in the order in which systemd reads them.

    `unclear` says why they cannot be relied on: a file that cannot be read, or one at which systemd stops reading.
    """

    settings: Mapping[tuple[str, str], tuple[Setting, ...]]
    unclear: str = ""

    def all(self, section: str, key: str) -> tuple[Setting, ...]:
        """Return the assignments of a key, the one that wins last."""
        return self.settings.get((section, key), ())

    def last(self, section: str, key: str) -> Setting | None:
        """Return the assignment that wins, which may be empty; None when the built-in default holds."""
        found = self.all(section, key)
        return found[-1] if found else None


def of(output: Output, name: str) -> Config:
    """Read `NAME.conf` (without its ending) and its drop-ins, as `systemd_files NAME` found them."""
    mine = re.compile(rf"{re.escape(name)}\.conf(?:\.d(?:/[^/]*)?)?\Z")
    masked = dict.fromkeys(output.special | output.dangling, "")
    files = {path: body for path, body in {**masked, **output.files}.items() if mine.match(_inside(path))}
    closed = sorted(path for path in output.unreadable if mine.match(_inside(path)))
    config = read(files, name)
    return Config(config.settings, f"{closed[0]} cannot be read") if closed else config


def read(files: Mapping[str, str], name: str) -> Config:
    """Merge the files (path -> text; a masked name has empty text) of `NAME.conf`."""
    settings: dict[tuple[str, str], tuple[Setting, ...]] = {}
    for path in effective_files(files, name):
        for section, key, setting in _assignments(path, files[path]):
            if not section:
                return Config(settings, f"{setting.where}: systemd stops reading at this section header")
            settings[section, key] = (*settings.get((section, key), ()), setting)
    return Config(settings)


def effective_files(paths: Iterable[str], name: str) -> list[str]:
    """Return the files that systemd reads, in its order: the main file, then the drop-ins that nothing masks."""
    found = set(paths)
    main = [path for base in DIRECTORIES if (path := f"{base}/{name}.conf") in found][:1]
    dropins: dict[str, str] = {}
    for base in reversed(DIRECTORIES):
        prefix = f"{base}/{name}.conf.d/"
        dropins |= {path.removeprefix(prefix): path for path in found if path.startswith(prefix)}
    return main + [
        dropins[file] for file in sorted(dropins, key=str.encode) if file.endswith(".conf") and file[0] != "."
    ]


def seconds(value: str) -> float | None:
    """Return a time span in seconds (systemd.time(7); without a unit: seconds); None when it is not one.

    `infinity` is math's infinity.
    """
    if value.strip() == "infinity":
        return float("inf")
    total, position = 0.0, 0
    while position < len(value) or not position:
        found = _SPAN.match(value, position)
        if found is None or found[2] not in _UNITS:
            return None
        total += float(found[1]) * _UNITS[found[2]]
        position = found.end()
    return total


def _inside(path: str) -> str:
    """Return a path relative to the directory of systemd's files that it lies in."""
    return next((path.removeprefix(f"{base}/") for base in DIRECTORIES if path.startswith(f"{base}/")), "/")


def _assignments(path: str, text: str) -> Iterator[tuple[str, str, Setting]]:
    """Yield section, key and setting of each assignment; no section where systemd stops reading."""
    section = ""
    for number, line in _logical_lines(text.removeprefix("\ufeff")):
        where = f"{path}:{number}"
        if line.startswith("["):
            if not line.endswith("]"):
                yield "", "", Setting(line, where)
                return
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if equals and section and key.strip():
            yield section, key.strip(), Setting(value.strip(), where)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield each line, stripped, with its first line's number.

    A line that ends in an unescaped backslash goes on in the next one; comment lines in between are skipped.
    """
    start, kept = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip(" \t\r").startswith(("#", ";")):
            continue
        start = start if kept else number
        kept += line.rstrip("\r")
        if (len(kept) - len(kept.rstrip("\\"))) % 2:
            kept = f"{kept[:-1]} "
            continue
        if kept.strip():
            yield start, kept.strip()
        kept = ""
    if kept.strip():
        yield start, kept.strip()
