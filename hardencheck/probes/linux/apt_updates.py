"""Pending security updates of a host with APT, told without running APT's solver.

A fix is missing when a security archive holds a newer version of an installed package than the installed one, whatever
upgrade or dist-upgrade would do about it today: a hold, a pin, phasing or a conflict cannot hide it. The host joins its
package database with the indexes of its security archives and prints the packages whose versions differ; versions are
compared here. The simulation of APT takes seconds of CPU for the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.probe import Context
from hardencheck.probes.linux import apt, apt_sources, debian_version
from hardencheck.probes.linux.update_facts import Updates
from hardencheck.probes.output import Output

SCRIPT = (
    apt.SCRIPT
    + apt_sources.SCRIPT
    + r"""
  # the indexes of every release file that names a security archive
  indexes() {
    printf '%s\n' "$releases" | awk '/^@ / { path = $2; next }
      /^Label: Debian-Security$/ || /^(Suite|Codename): .*-security$/ { if (path != last) print path; last = path }' |
      while read -r release; do
        stem=${release%InRelease}
        stem=${stem%Release}
        stem=$stem awk 'NF == 3 && $3 ~ /(^|\/)Packages$/ && !seen[$3]++ {
          gsub("/", "_", $3)
          print "@size " ENVIRON["stem"] $3 " " $2
        }' "$release"
        for path in "$stem"Packages* "$stem"*_Packages*; do
          case $path in *Packages | *.lz4 | *.xz | *.gz | *.zst | *.bz2 | *.lzma) ;; *) continue ;; esac
          [ -f "$path" ] || continue
          printf '@ %s\n' "$path"
          /usr/lib/apt/apt-helper cat-file "$path" || printf '\n@failed\n'
        done
      done
  }
  # shellcheck disable=SC2016 # the names are for the tool, not for the shell
  installed() {
    dpkg-query -W -f '${Package}|${Architecture}|${Version}|${db:Status-Abbrev}|${Section}\n' || echo '@failed'
  }
  fixes() {
    { installed && indexes; } | awk -F'|' '
      function stanza(  count, i, instances, part) {
        if (name == "") return
        records++
        count = (name in have) ? split(have[name], instances, "\n") : 0
        for (i = 1; i <= count; i++) {
          split(instances[i], part, "|")
          if (part[2] != version) print "fix|" number "|" name "|" instances[i] "|" arch "|" version
        }
        name = version = arch = ""
      }
      function finish() {
        stanza()
        if (path != "") {
          print "index|" number "|" path "|" records + 0 "|" lines + 0
          bare = path
          sub(/[.](lz4|xz|gz|zst|bz2|lzma)$/, "", bare)
          here[bare]
          if ((bare in size) ? bytes < size[bare] : !lines) print "short|" path
        }
        records = lines = bytes = 0
      }
      /^@failed$/ { print "failed|" (path == "" ? "dpkg-query" : path); next }
      /^@size \// { if (match($0, / [0-9]+$/)) size[substr($0, 7, RSTART - 7)] = substr($0, RSTART + 1) + 0; next }
      /^@ \// { finish(); path = substr($0, 3); number++; next }
      path == "" {
        if ($4 ~ /^.[nc] /) next
        total++
        architectures[$2]++
        if (sub(/\/.*/, "", $5)) components[$5]++
        if ($4 !~ /^.i /) print "unfinished|" $1 "|" $4
        if ($4 ~ /^h/) print "held|" $1 "|" $3 "|" $2
        if ($1 in have) have[$1] = have[$1] "\n" $2 "|" $3
        else have[$1] = $2 "|" $3
        next
      }
      { lines++; bytes += length($0) + 1 }
      /^$/ { stanza(); next }
      /^Package: / { stanza(); name = substr($0, 10) }
      /^Version: / { version = substr($0, 10) }
      /^Architecture: / { arch = substr($0, 15) }
      END {
        finish()
        for (bare in size) {
          arch = bare
          sub(/_Packages$/, "", arch)
          sub(/.*_binary-/, "", arch)
          # APT does not fetch a list of packages for all architectures where the other lists hold them, too
          if (size[bare] > 0 && arch != "all" && !(bare in here) && (arch in architectures)) print "absent|" bare
        }
        for (arch in architectures) print "architecture|" arch "|" architectures[arch]
        for (component in components) print "component|" component "|" components[component]
        print "installed|" total + 0
      }'
  }
  older() { printf '%s\n' "$fixes" | awk -F'|' '/^fix/ { print $3 ($4 == "all" ? "" : ":" $4) }' | sort -u; }
  # prints pins; 1: none of them can make APT overlook one of these packages
  pins() {
    set --
    for path in "$preferences" "$preference_parts"*; do
      case $path in "$preference_parts"*.pref) ;; "$preference_parts"*.*) continue ;; esac
      [ ! -f "$path" ] || set -- "$@" "$path"
    done
    [ "$#" -gt 0 ] || return 1
    older | awk 'function judge(  i, count, word) {
        raises = pin ~ /^release .*-security/ && pin !~ /[\/!*]/ && priority + 0 >= 500
        count = (priority == "" || raises) ? 0 : split(names, word)
        for (i = 1; i <= count; i++) if (word[i] in older || word[i] ~ /[^a-z0-9.+-]/) hides = 1
        names = pin = priority = ""
      }
      function value(line) { sub(/^[^:]*:[ \t]*/, "", line); return line }
      FILENAME == "-" { sub(/:.*/, ""); older[$0]; next }
      FNR == 1 || /^[ \t]*$/ { judge() }
      tolower($0) ~ /^(package|pin|pin-priority)[ \t]*:/ { print FILENAME ":" FNR ":" $0 }
      tolower($0) ~ /^package[ \t]*:/ { names = value($0) }
      /^[ \t]+[^ \t#]/ && priority pin == "" { names = names $0 }
      tolower($0) ~ /^pin[ \t]*:/ { pin = value($0) }
      tolower($0) ~ /^pin-priority[ \t]*:/ { priority = value($0) }
      END { judge(); exit !hides }' - "$@"
  }
  policy() {
    answer=$(apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= policy "$@")
    status=$?
    printf '%s\n' "$answer" | grep -e '^[^ ]' -e '^  Candidate: '
    return "$status"
  }
  fixes=$(fixes)
  run fixes printf '%s\n' "$fixes"
  pins=$(pins)
  if [ "$?" != 1 ] || [ -n "$default_release" ]; then
    run pins printf '%s\n' "$pins"
    older=$(older)
    # shellcheck disable=SC2086 # names of packages are words
    [ -z "$older" ] || run policy policy $older
  fi
"""
)

_ANSWERS = ("pending_security", "withheld_security")
#: deb-version(7); half-installed packages have none
_VERSION = re.compile(r"[\w.+~:-]*", re.ASCII)
_PACKAGE = re.compile(r"^(\S+):$")


@dataclass(frozen=True, slots=True)
class _Fix:
    """The newest version that a security archive has for one installed package."""

    package: str
    architecture: str
    old: str
    new: str
    source: str

    def __str__(self) -> str:
        return f"{self.package} ({self.old} -> {self.new}, {self.source})"


def read_updates(output: Output, capture: Capture, context: Context) -> Updates:
    """Gather the facts of a host with APT; raises CaptureUnreadable for output in another form."""
    del capture
    updates = Updates()
    try:
        archives = apt.read_archives(output)
        apt_sources.read_sources(archives, output, context, updates)
        join = _join(output.run("fixes").lines)
        _pending(archives, join, output, updates)
        updates.doubts += _gaps(archives, join, context)
    except ValueError as error:
        raise CaptureUnreadable(str(error)) from None
    return updates


def _join(lines: Iterable[str]) -> dict[str, list[list[str]]]:
    """Sort the lines of `fixes` by their first word; raises ValueError for one that has another form."""
    sizes = {
        "fix": 6, "held": 3, "unfinished": 2, "index": 4, "short": 1, "absent": 1, "failed": 1,
        "architecture": 2, "component": 2, "installed": 1,
    }  # fmt: skip
    found: dict[str, list[list[str]]] = {kind: [] for kind in sizes}
    for line in filter(None, lines):
        kind, *fields = line.split("|")
        if sizes.get(kind) != len(fields):
            raise ValueError(f"a line about installed packages is not understood: {line[:120]}")
        found[kind].append(fields)
    return found


def _pending(archives: apt.Archives, join: Mapping[str, list[list[str]]], output: Output, updates: Updates) -> None:
    """Record the fixes that are missing, apart from those that a hold or a pin keeps away."""
    if ["dpkg-query"] in join["failed"] or join["installed"] in ([], [["0"]]):
        updates.lack(["half_installed", "held_packages", *_ANSWERS], "dpkg-query did not answer")
        return
    unfinished = sorted(f"{name} (dpkg status {status.strip()})" for name, status in join["unfinished"])
    updates.know("half_installed", unfinished, "dpkg-query -W")
    held = {(name, architecture) for name, _, architecture in join["held"]}
    updates.know("held_packages", sorted({f"{name} {version}" for name, version, _ in join["held"]}), "dpkg-query -W")
    if reason := _unreadable(archives, join):
        updates.lack(_ANSWERS, reason)
        return
    fixes = _newest(archives, join)
    free = [fix for fix in fixes if (fix.package, fix.architecture) not in held]
    pinned = _hidden(output, free)
    known = [fix for fix in free if fix not in (pinned or [])]
    updates.know("pending_security", [str(fix) for fix in known], "dpkg-query -W, lists of the security archives")
    withheld = [f"{fix} (held)" for fix in fixes if fix not in free]
    withheld += [f"{fix} (hidden by a pin)" for fix in pinned or []]
    updates.know("withheld_security", sorted(withheld), "; ".join(["dpkg-query -W", *_pins(archives, output)]))
    if pinned is None:
        updates.lack(["withheld_security"], "there are pins, and apt-cache policy did not tell what they do")
    elif not held and "pins" not in output.runs:
        updates.certain.add("withheld_security")


def _unreadable(archives: apt.Archives, join: Mapping[str, list[list[str]]]) -> str:
    """Say why the fixes cannot be told; empty when they can."""
    if archives.indexes is None:
        return "APT cannot read its sources"
    used = {index.filename for index in archives.security}
    damaged = [path for (path,) in join["failed"]]
    damaged += [path for _, path, records, lines in join["index"] if records == "0" != lines]
    names = (path.rpartition("/")[2] for path in damaged)
    return next((f"{name} cannot be read" for name in names if apt.packages_file(name) in used), "")


def _gaps(archives: apt.Archives, join: Mapping[str, list[list[str]]], context: Context) -> list[str]:
    """Say which installed packages the security archives' lists on this host could not tell a fix of."""
    security = {index.filename: index for index in archives.security}
    gaps = [
        f"{name} is shorter than its archive's release file says"
        for (path,) in sorted(join["short"])
        if apt.packages_file(name := path.rpartition("/")[2]) in security
    ]
    gaps += [
        f"the list {name} is not on this host"
        for (path,) in sorted(join["absent"])
        if (name := path.rpartition("/")[2]) in security
    ]
    if gaps or not security:
        return gaps
    there = {apt.packages_file(path.rpartition("/")[2]) for _, path, _, _ in join["index"]}
    served = {index.architecture for index in security.values() if index.filename in there} | {"all"}
    gaps += [
        f"{count} installed packages are of the architecture {name}, and no list of a security archive is for it"
        for name, count in sorted(join["architecture"])
        if name not in served
    ]
    components = {index.component.rpartition("/")[2] for index in security.values()}
    if "" in components:
        return gaps
    if context.system.distribution == "ubuntu":  # packages do not tell their component there
        named = {index.component for index in archives.indexes or [] if index.origin == "Ubuntu"}
        gaps += [f"no source names the component {name} of the security archive" for name in sorted(named - components)]
    else:
        gaps += [
            f"{count} installed packages are of the component {name}, which no source names for the security archive"
            for name, count in sorted(join["component"])
            if context.system.distribution == "debian" and name not in components
        ]
    return gaps


def _newest(archives: apt.Archives, join: Mapping[str, list[list[str]]]) -> list[_Fix]:
    """Return the newest fix of each installed package that is older, out of the archives that the sources name."""
    used = {index.filename: index for index in archives.security}
    numbers = {number: used.get(apt.packages_file(path.rpartition("/")[2])) for number, path, _, _ in join["index"]}
    native = archives.settings.get("native", "")
    best: dict[tuple[str, str], _Fix] = {}
    for number, name, arch, old, offered, new in join["fix"]:
        index = numbers.get(number)
        # APT files packages for all architectures under its own: they take no package of another one further
        mine, theirs = (native if native and name == "all" else name for name in (arch, offered))
        if index is None or (mine != theirs and "all" not in (mine, theirs)):
            continue
        if not (_VERSION.fullmatch(old) and _VERSION.fullmatch(new)):
            raise ValueError(f"a version of {name} is none: {old!r} or {new!r}")
        known = best.get((name, arch))
        if debian_version.compare(new, known.new if known else old) > 0:
            best[name, arch] = _Fix(name, arch, old, new, index.source)
    return [best[key] for key in sorted(best)]


def _pins(archives: apt.Archives, output: Output) -> list[str]:
    """Return what could hide a fix, with file and line."""
    lines = output.runs["pins"].lines[:6] if "pins" in output.runs else []
    default = archives.settings.get("default_release")
    return [*filter(None, lines), *([f"APT::Default-Release {default}"] if default else [])]


def _hidden(output: Output, fixes: list[_Fix]) -> list[_Fix] | None:
    """Return the fixes that APT would not choose if it were asked to upgrade; None when it does not say."""
    if "pins" not in output.runs or not fixes:
        return []
    policy = output.runs.get("policy")
    if policy is None or policy.status != 0:
        return None
    candidates: dict[str, str] = {}
    package = ""
    for line in policy.lines:
        if found := _PACKAGE.match(line):
            package = found[1]
        elif line.startswith("  Candidate: "):
            candidates[package] = line.removeprefix("  Candidate: ").strip()
    hidden = []
    for fix in fixes:
        candidate = candidates.get(f"{fix.package}:{fix.architecture}", candidates.get(fix.package))
        if candidate is None:
            return None
        if candidate == "(none)" or debian_version.compare(candidate, fix.new) < 0:
            hidden.append(fix)
    return hidden
