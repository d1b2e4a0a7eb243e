"""What APT makes of its sources and keeps of them: package indexes, release files, and origin patterns.

`apt-get indextargets` without lists, status and cache files only reads the sources: the cache that it builds in memory
is empty, and it writes none (it would overwrite APT's own otherwise). That saves half a second of CPU and more. What is
in the lists directory is then read without APT.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase

from hardencheck.model.probe import System
from hardencheck.probes.output import Output

#: Shell that writes the items which `read_indexes` reads, and leaves APT's directories in variables.
SCRIPT = r"""
  settings() {
    apt-config shell lists Dir::State::lists/d list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d \
      preferences Dir::Etc::preferences/f preference_parts Dir::Etc::preferencesparts/d \
      default_release APT::Default-Release native APT::Architecture unauthenticated APT::Get::AllowUnauthenticated/b \
      force_yes APT::Get::Force-Yes/b insecure Acquire::AllowInsecureRepositories/b \
      weak Acquire::AllowWeakRepositories/b downgrade Acquire::AllowDowngradeToInsecureRepositories/b
  }
  # shellcheck disable=SC2016 # the names are for the tool, not for the shell
  sources() {
    apt-get indextargets --no-release-info -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
      -o Dir::State::lists=/nonexistent/ -o Dir::State::status=/dev/null --format \
      '$(SOURCESENTRY)|$(RELEASE)|$(COMPONENT)|$(ARCHITECTURE)|$(SITE)|$(FILENAME)' 'Created-By: Packages'
  }
  there() {
    for path do
      [ ! -f "$path" ] || set -- "$@" "$path"
      shift
    done
    [ "$#" -eq 0 ] || "$tool" "$filter" "$@"
  }
  settings=$(settings)
  # shellcheck disable=SC2034 # not every probe uses all of them
  lists=/var/lib/apt/lists/ list=/etc/apt/sources.list parts=/etc/apt/sources.list.d/ default_release=
  # shellcheck disable=SC2034
  preferences=/etc/apt/preferences preference_parts=/etc/apt/preferences.d/
  eval "$settings"
  run settings printf '%s\n' "$settings"
  run sources sources
  tool=stat filter='-c%Z %n'
  run apt-stamps there "$lists"*_InRelease "$lists"*_Release "$lists"*_Release.gpg
  tool=awk filter='FNR == 1 { print "@ " FILENAME (/^-----BEGIN PGP SIGNED MESSAGE-----/ ? " signed" : "") }
    FNR <= 40 && /^(Origin|Label|Suite|Codename|Version|Date|Valid-Until): /'
  releases=$(there "$lists"*_InRelease "$lists"*_Release)
  run releases printf '%s\n' "$releases"
"""

_UNSET = re.compile(r"\$\(\w+\)")
_COMPRESSED = ("", ".lz4", ".xz", ".gz", ".zst", ".bz2", ".lzma")


@dataclass(frozen=True, slots=True)
class Release:
    """A release file in the lists directory: its fields, when it was last fetched or confirmed, if it is signed."""

    path: str
    fields: Mapping[str, str]
    changed: int | None
    signed: bool


@dataclass(frozen=True, slots=True)
class Index:
    """One package index that the sources ask for; `release` is None when the archive was never fetched.

    `entry` is the source's file and number, `wanted` the suite as the source names it, `filename` how the index is
    called in the lists directory, without the ending of a compressed file.
    """

    entry: str
    wanted: str
    component: str
    architecture: str
    site: str
    filename: str
    release: Release | None = None

    def field(self, name: str) -> str:
        """Return a field of the release file; empty when there is none."""
        return self.release.fields.get(name, "") if self.release else ""

    @property
    def origin(self) -> str:
        """Who makes the archive."""
        return self.field("Origin")

    @property
    def label(self) -> str:
        """What the archive is called."""
        return self.field("Label")

    @property
    def suite(self) -> str:
        """The suite as the archive names it, like `oldstable-security`."""
        return self.field("Suite")

    @property
    def codename(self) -> str:
        """The codename as the archive names it, like `bookworm-security`."""
        return self.field("Codename")

    @property
    def security(self) -> bool:
        """Whether it belongs to a security archive of Debian, Ubuntu or Ubuntu Pro."""
        names = (self.suite, self.codename) if self.release else (self.wanted,)
        return self.label == "Debian-Security" or any(name.endswith("-security") for name in names)

    def serves(self, system: System) -> bool:
        """Whether it holds main packages for this release; of derivatives nobody knows whose release they follow."""
        whole = self.component.rpartition("/")[2] in ("main", "")
        if system.distribution not in ("debian", "ubuntu") or not system.codename:
            return whole
        return whole and system.codename in re.split(r"[-/]", self.codename or self.wanted)

    @property
    def name(self) -> str:
        """Label and suite, as people know the archive."""
        return f"{self.label or self.origin or self.site}:{self.suite or self.codename or self.wanted}"

    @property
    def source(self) -> str:
        """Label, version and suite, as APT writes them."""
        version = self.field("Version")
        return f"{self.label}{version and ':'}{version}/{self.suite or self.codename}"

    @property
    def stem(self) -> str:
        """The name that all files of this archive begin with in the lists directory."""
        part = f"_{self.component.replace('/', '_')}_binary-{self.architecture}" if self.component else ""
        return self.filename.removesuffix("_Packages").removesuffix(part)


@dataclass(slots=True)
class Archives:
    """What the sources ask for and what was fetched; `indexes` is None when APT cannot read its sources."""

    indexes: list[Index] | None
    releases: dict[str, Release] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def security(self) -> list[Index]:
        """The indexes of security archives."""
        return [index for index in self.indexes or [] if index.security]


def read_archives(output: Output) -> Archives:
    """Read the items of `SCRIPT`; raises ValueError when one has another form."""
    settings = {
        name: value.removeprefix("'").removesuffix("'")
        for name, _, value in (line.partition("=") for line in output.run("settings").lines)
    }
    stamps = {path: seconds for seconds, _, path in (line.partition(" ") for line in output.run("apt-stamps").lines)}
    releases = _releases(output.run("releases").lines, stamps)
    sources = output.run("sources")
    if sources.status != 0:
        return Archives(None, releases, settings)
    return Archives([_index(line, releases) for line in filter(None, sources.lines)], releases, settings)


def packages_file(name: str) -> str:
    """Return how an index is called without the ending of a compressed file; empty when it is none."""
    return next((name.removesuffix(end) for end in _COMPRESSED if name.endswith(f"_Packages{end}")), "")


def _index(line: str, releases: Mapping[str, Release]) -> Index:
    """Read one line of `sources` and join it with its release file: inline-signed, else with a signature beside it."""
    fields = [_UNSET.sub("", part) for part in line.split("|")]
    if len(fields) != 6 or not fields[0] or not fields[5]:
        raise ValueError(f"apt-get indextargets' line is not understood: {line[:120]}")
    entry, wanted, component, architecture, site, path = fields
    bare = Index(entry, wanted, component, architecture, site, filename=path.rpartition("/")[2])
    found = releases.get(f"{bare.stem}_InRelease") or releases.get(f"{bare.stem}_Release")
    return replace(bare, release=found)


def _releases(lines: Iterable[str], stamps: Mapping[str, str]) -> dict[str, Release]:
    """Split the headers of the release files: file name -> release."""
    heads: dict[str, tuple[str, dict[str, str]]] = {}
    fields: dict[str, str] = {}
    for line in filter(None, lines):
        if line.startswith("@ "):
            path, mark, _ = line[2:].partition(" signed")
            fields = {}
            heads[path] = (mark, fields)
        else:
            name, _, value = line.partition(": ")
            fields.setdefault(name, value.strip())
    return {
        path.rpartition("/")[2]: Release(
            path=path,
            fields=fields,
            changed=int(stamps[path]) if stamps.get(path, "").isdigit() else None,
            signed=bool(mark) or f"{path}.gpg" in stamps,
        )
        for path, (mark, fields) in heads.items()
    }


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
