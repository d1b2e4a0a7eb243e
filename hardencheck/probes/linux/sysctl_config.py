"""What the kernel's settings will be after the next boot: sysctl.d(5), systemd-sysctl, and sysctl --system.

Of the directories /etc/sysctl.d, /run/sysctl.d, /usr/local/lib/sysctl.d, /usr/lib/sysctl.d (and /lib/sysctl.d) the
first that holds a file name wins: an empty file or a link to /dev/null in /etc masks the one of a package. The files
are read in the order of their names, wherever they lie, and the last assignment wins. An assignment with a pattern
sets only what no other line names. systemd does not read /etc/sysctl.conf (Debian and RHEL make it 99-sysctl.conf by a
link); procps reads it last, which is what other init systems call. `-key` ignores errors; without a value it takes the
key out of patterns. In a key the first of `.` and `/` separates, the other one belongs to a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hardencheck.probes.output import Output

DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")

#: A function for a probe's script: `sysctl_files` yields all files that are read, and whether systemd reads them.
FUNCTIONS = r"""
sysctl_files() {
  [ ! -d /run/systemd/system ] || run sysctl_systemd echo systemd
  set -- /etc/sysctl.conf
  for base in /etc/sysctl.d /run/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /lib/sysctl.d; do
    for path in "$base"/*.conf; do
      if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi
    done
  done
  files "$@"
}
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One assignment: its value, and the file and line it stands in."""

    value: str
    where: str


@dataclass(frozen=True, slots=True)
class Sysctl:
    """What the files set; `unclear` names one that could not be read."""

    exact: Mapping[str, Setting]
    patterns: tuple[tuple[str, Setting | None], ...]
    unclear: str = ""

    def get(self, key: str) -> Setting | None:
        """Return what is set for a key such as `fs.suid_dumpable`; None when no file names it."""
        if key in self.exact:
            return self.exact[key]
        found = None
        for pattern, setting in self.patterns:
            if setting is None and fnmatchcase(key, pattern):
                return None
            found = setting if fnmatchcase(key, pattern) else found
        return found


def of(output: Output) -> Sysctl:
    """Read the files that `sysctl_files` found."""
    mine = [path for path in output.unreadable if path.startswith(DIRECTORIES) or path == "/etc/sysctl.conf"]
    exact: dict[str, Setting] = {}
    patterns: list[tuple[str, Setting | None]] = []
    for path in _order(output):
        for number, line in enumerate(output.files.get(path, "").split("\n"), 1):
            text = line.strip()
            if not text or text[0] in "#;":
                continue
            key, equals, value = text.partition("=")
            name = normal(key.strip().removeprefix("-"))
            if not equals:
                if text.startswith("-"):
                    patterns.append((name, None))
                continue
            setting = Setting(value.strip(), f"{path}:{number}")
            if any(sign in name for sign in "*?["):
                patterns.append((name, setting))
            else:
                exact[name] = setting
    return Sysctl(exact, tuple(patterns), f"{min(mine)} cannot be read" if mine else "")


def normal(key: str) -> str:
    """Return a key with dots between its parts; a dot inside a part becomes a slash, as sysctl(8) prints it."""
    first = next((sign for sign in key if sign in "./"), ".")
    return key if first == "." else key.translate(str.maketrans("./", "/."))


def _order(output: Output) -> list[str]:
    """Return the files in the order in which they are read, those that are masked left out."""
    by_name: dict[str, str] = {}
    for path in output.files.keys() | output.special | output.dangling:
        folder, _, name = path.rpartition("/")
        if folder in DIRECTORIES and name.endswith(".conf"):
            other = by_name.get(name)
            if other is None or DIRECTORIES.index(folder) < DIRECTORIES.index(other.rpartition("/")[0]):
                by_name[name] = path
    order = [by_name[name] for name in sorted(by_name, key=str.encode)]
    return order if "sysctl_systemd" in output.runs else [*order, "/etc/sysctl.conf"]
