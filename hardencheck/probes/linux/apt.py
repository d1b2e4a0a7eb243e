"""What APT prints and keeps: simulated upgrades, indexes with their release fields, and origin patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase

from hardencheck.model.probe import System

#: The format that `indexes` reads: one line per package index that is configured and was fetched.
INDEX_FORMAT = "$(ORIGIN)|$(LABEL)|$(SUITE)|$(CODENAME)|$(COMPONENT)|$(SITE)|$(FILENAME)"

_INST = re.compile(r"^Inst (\S+)(?: \[([^\]]*)\])? \((\S+) ?(.*?) \[[^\]]+\]\)")
_LISTED = re.compile(r"^([^/\s]+)/(\S+) (\S+) \S+ \[upgradable from: ([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One package that would be installed: from which version (empty: new) to which, out of which `ORIGIN/SUITE`s."""

    package: str
    old: str
    new: str
    sources: tuple[str, ...]

    @property
    def security(self) -> bool:
        """Whether one of the sources is a security archive."""
        return any(is_security(source) for source in self.sources)

    def __str__(self) -> str:
        change = f"{self.old} -> {self.new}" if self.old else f"new: {self.new}"
        return f"{self.package} ({change}, {', '.join(self.sources)})"


def is_security(source: str) -> bool:
    """Whether `LABEL:VERSION/SUITE` or a suite alone names a security archive of Debian, Ubuntu or Ubuntu Pro."""
    label, _, rest = source.rpartition("/")
    return label.startswith("Debian-Security:") or rest.endswith("-security")


def simulated(lines: Iterable[str]) -> list[Upgrade]:
    """Read the `Inst` lines of `apt-get -s`; raises ValueError for one that has another form."""
    upgrades = []
    for line in lines:
        if not line.startswith("Inst "):
            continue
        found = _INST.match(line)
        if found is None:
            raise ValueError(f"apt-get's line is not understood: {line[:120]}")
        upgrades.append(Upgrade(found[1], found[2] or "", found[3], tuple(filter(None, found[4].split(", ")))))
    return upgrades


def upgradable(lines: Iterable[str]) -> list[Upgrade]:
    """Read what `apt list --upgradable` prints: held and kept back packages are there too."""
    found = filter(None, map(_LISTED.match, lines))
    return [Upgrade(match[1], match[4], match[3], tuple(match[2].split(","))) for match in found]


@dataclass(frozen=True, slots=True)
class Index:
    """One package index: the fields of its release file and where it is kept."""

    origin: str
    label: str
    suite: str
    codename: str
    component: str
    site: str
    filename: str

    @property
    def security(self) -> bool:
        """Whether it belongs to a security archive."""
        return is_security(f"{self.label}:/{self.suite}") or self.codename.endswith("-security")

    def serves(self, system: System) -> bool:
        """Whether it holds main packages for this release; of derivatives nobody knows whose release they follow."""
        whole = self.component.rpartition("/")[2] in ("main", "")
        if system.distribution not in ("debian", "ubuntu") or not system.codename:
            return whole
        return whole and system.codename in re.split(r"[-/]", self.codename)

    @property
    def name(self) -> str:
        """Label and suite, as people know the archive."""
        return f"{self.label or self.origin or self.site}:{self.suite or self.codename}"

    def release_files(self) -> tuple[str, str]:
        """Return the paths at which APT keeps the release file of this index: inline-signed, then detached."""
        stem = re.sub(r"(_dists_.*?)_" + re.escape(self.component) + r"_binary-.*\Z", r"\1", self.filename)
        return f"{stem}_InRelease", f"{stem}_Release"


def indexes(lines: Iterable[str]) -> list[Index]:
    """Read lines of `INDEX_FORMAT`; raises ValueError when one has another number of fields."""
    found = []
    for line in filter(None, lines):
        fields = line.split("|")
        if len(fields) != 7:
            raise ValueError(f"apt-get indextargets' line is not understood: {line[:120]}")
        found.append(Index(*fields))
    return found


def release_time(value: str) -> datetime:
    """Read a `Date` or `Valid-Until` of a release file (RFC 5322, in UTC); raises ValueError."""
    moment = parsedate_to_datetime(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def configuration(lines: Iterable[str]) -> dict[str, list[str]]:
    """Read `apt-config dump`: option -> values; only lists (names that end with `::`) have more than one.

    Names are returned in lower case, as APT does not tell cases apart.
    """
    options: dict[str, list[str]] = {}
    for line in lines:
        name, found, value = line.partition(" ")
        if not found or not (value.startswith('"') and value.endswith('";')):
            continue
        options.setdefault(name.lower().removesuffix("::"), []).append(value[1:-2])
    return options


def pattern_matches(pattern: str, index: Index) -> bool:
    """Whether an `Unattended-Upgrade::Origins-Pattern` (`o=..,a=..`, shell patterns) accepts this archive.

    Raises ValueError for a key that unattended-upgrades does not know either.
    """
    fields: Mapping[str, str] = {
        "o": index.origin, "origin": index.origin,
        "l": index.label, "label": index.label,
        "a": index.suite, "suite": index.suite, "archive": index.suite,
        "n": index.codename, "codename": index.codename,
        "c": index.component, "component": index.component,
        "site": re.sub(r"^\w+://([^/]*).*", r"\1", index.site),
    }  # fmt: skip
    matched = True
    for part in re.split(r"(?<!\\),", pattern):
        name, equals, value = part.partition("=")
        if not equals or name.strip() not in fields:
            raise ValueError(f"the origin pattern {pattern!r} has an unknown key {name.strip()!r}")
        wanted = value.strip().replace(r"\,", ",").replace("%2C", ",")
        matched = matched and fnmatchcase(fields[name.strip()], wanted)
    return matched
