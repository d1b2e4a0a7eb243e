"""Which security archives APT's sources name, whether their lists are there and fresh, and what is not verified.

sources.list(5), apt-secure(8). A source counts when APT itself names it (`apt-get indextargets`): comments, disabled
stanzas (`Enabled: no`) and files whose names APT does not read do not. APT verifies the signature of an archive's
release file when it fetches it. An archive that is not signed stays on the host as a release file without signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hardencheck.model.probe import Context
from hardencheck.probes.linux import apt
from hardencheck.probes.linux.update_facts import Updates
from hardencheck.probes.output import Output

#: Shell that writes what the sources say about trust, after `apt.SCRIPT`; addresses may hold passwords and stay there.
SCRIPT = r"""
  # shellcheck disable=SC2016 # the expressions are for awk, not for the shell
  tool=awk filter='FNR == 1 { print "@ " FILENAME; field = 0 }
    FILENAME ~ /[.]sources$/ {
      if (/^[ \t]*$/) { print FNR ":"; field = 0 }
      else if (/^[^ \t#]/) { field = tolower($0) ~ /^(types|enabled|trusted|allow-[a-z-]*)[ \t]*:/ }
      if (field && !/^#/) print FNR ":" $0
      next
    }
    /^[ \t]*deb[ \t]+\[/ { sub(/\].*/, "]"); print FNR ":" $0 }'
  run trust there "$list" "$parts"*.list "$parts"*.sources
"""

#: Days without any change after which a security archive is no longer the one that its maker keeps.
STANDSTILL_DAYS = 30

_NO = ("no", "false", "without", "off", "disable", "0")
_OPTIONS = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure")
_SETTINGS = {
    "unauthenticated": "APT::Get::AllowUnauthenticated",
    "force_yes": "APT::Get::Force-Yes",
    "insecure": "Acquire::AllowInsecureRepositories",
    "weak": "Acquire::AllowWeakRepositories",
    "downgrade": "Acquire::AllowDowngradeToInsecureRepositories",
}
_LINE = re.compile(r"^(\d+):(.*)$")
_FIELD = re.compile(r"^([A-Za-z-]+)[ \t]*:[ \t]*(.*)$")


def read_sources(archives: apt.Archives, output: Output, context: Context, updates: Updates) -> None:
    """Record archives, their age and their trust; raises ValueError for output in another form."""
    facts = ["security_sources", "security_sources_configured", "unverified_sources", "metadata_age_hours"]
    if archives.indexes is None:
        if told := sorted(waived(output.run("trust").lines, None)):
            facts.remove("unverified_sources")
            updates.know("unverified_sources", told, "the files with APT's sources")
        updates.lack([*facts, "expired_metadata"], "apt-get indextargets failed: APT cannot read its sources")
        return
    _archives(archives, output, context, updates)
    updates.rolling = _rolling(archives, context) and not archives.security
    _age(archives, context, updates)
    unverified = {f"{name} is set" for key, name in _SETTINGS.items() if archives.settings.get(key) == "true"}
    files = {index.entry.rpartition(":")[0] for index in archives.indexes}
    unverified |= set(waived(output.run("trust").lines, files))
    for index in archives.indexes:
        if index.release and not index.release.signed:
            unverified.add(f"{index.entry.rpartition(':')[0]}: {index.stem} is not signed")
    updates.know("unverified_sources", sorted(unverified), f"apt-config, {', '.join(sorted(files)) or 'no source'}")
    if output.run("trust").status != 0 or not archives.settings:
        updates.lack(["unverified_sources"], "not every file with APT's sources and settings can be read")


def _rolling(archives: apt.Archives, context: Context) -> bool:
    """Whether this is Debian testing or unstable: os-release has no version, and the sources name such a suite."""
    suites = {name for index in archives.indexes or [] for name in (index.suite, index.wanted)}
    rolling = suites & {"testing", "unstable", "sid"}
    return context.system.distribution == "debian" and not context.system.version and bool(rolling)


def _archives(archives: apt.Archives, output: Output, context: Context, updates: Updates) -> None:
    """Record the security archives for this release: all that the sources name, and those whose lists are there."""
    serving = [index for index in archives.security if index.serves(context.system)]
    others = sorted({index.name for index in archives.security} - {index.name for index in serving})
    left_out = f"; not for this release, or without main: {', '.join(others)}" if others else ""
    where = f"apt-get indextargets{left_out}"
    lists = {line.split("|")[2].rpartition("/")[2] for line in output.run("fixes").lines if line.startswith("index|")}
    there = {apt.packages_file(name) for name in lists}
    named = sorted({index.name for index in serving})
    fetched = sorted({index.name for index in serving if index.release and index.filename in there})
    updates.know("security_sources_configured", named, where)
    updates.know("security_sources", fetched, f"{where}, {archives.settings.get('lists', 'the lists of APT')}")
    system = context.system
    if system.distribution not in ("debian", "ubuntu") and not archives.security:
        reason = f"whether {system.distribution or 'this system'} has a security archive of its own is not known"
        updates.lack(["security_sources", "security_sources_configured"], reason)


def _age(archives: apt.Archives, context: Context, updates: Updates) -> None:
    """Record the age of the security archives' release files, and all release files that are out of date."""
    times = {index.stem: index.release.changed if index.release else None for index in archives.security}
    known = [changed for changed in times.values() if changed is not None]
    updates.age(known, context.now, "change time of the release files")
    if known and len(known) < len(times):
        updates.lack(["metadata_age_hours"], "the release file of a security archive was not found")
    used = {index.release.path: index.release for index in archives.indexes or [] if index.release}
    expired = []
    for path, release in used.items():
        name, until, dated = (path.rpartition("/")[2], release.fields.get("Valid-Until"), release.fields.get("Date"))
        if until and apt.release_time(until) < context.now:
            expired.append(f"{name} (valid until {until})")
        if dated and (apt.release_time(dated) - context.now).total_seconds() > 86400:
            updates.lack(["metadata_age_hours"], f"{name} is dated in the future: {dated}")
    expired += _abandoned(archives, context)
    updates.know("expired_metadata", sorted(expired), "Valid-Until and Date of the release files")


def _abandoned(archives: apt.Archives, context: Context) -> Iterator[str]:
    """Name security archives that nobody has changed for long: a snapshot, or a mirror that is not kept up.

    Ubuntu's and mirrors that were signed anew have no Valid-Until. Debian and Ubuntu publish security updates almost
    every day; only what Ubuntu Pro takes over stands still.
    """
    if any(index.origin.startswith("UbuntuESM") for index in archives.security):
        return
    whole = {
        index.release.path: index.release
        for index in archives.security
        if index.release and index.serves(context.system)
    }
    for path, release in whole.items():
        dated = release.fields.get("Date")
        days = (context.now - apt.release_time(dated)).days if dated else 0
        if days > STANDSTILL_DAYS and not release.fields.get("Valid-Until"):
            yield f"{path.rpartition('/')[2]} (its archive was last changed {days} days ago, on {dated})"


def waived(lines: Iterable[str], files: set[str] | None) -> Iterator[str]:
    """Name the sources that packages are taken from without a valid signature, with file and line.

    `files` are those that APT reads; None where it cannot tell, as one of them has a fault.
    """
    path, stanza = "", []
    for line in [*lines, "@ "]:
        found = _LINE.match(line)
        if found and path.endswith(".list"):
            for option in re.split(r"[\s\[\]]+", found[2].strip()):
                name, equals, value = option.partition("=")
                if equals and _on(name, value):
                    yield f"{path}:{found[1]}: {name.lower()}={value}"
        elif found and found[2].strip():
            stanza.append((found[1], found[2]))
        else:
            yield from _stanza(path, stanza)
            stanza = []
            if line.startswith("@ "):
                path = line[2:] if files is None or line[2:] in files else ""
            elif not found:
                path = ""


def _stanza(path: str, lines: list[tuple[str, str]]) -> Iterator[str]:
    """Judge one stanza of a deb822 file; one that is switched off, or only names sources to build, says nothing."""
    fields: dict[str, tuple[str, str]] = {}
    name = ""
    for number, line in lines:
        if found := _FIELD.match(line):
            name = found[1].lower()
            fields.setdefault(name, (number, found[2].strip()))
        elif name:
            fields[name] = (fields[name][0], f"{fields[name][1]} {line.strip()}".strip())
    enabled = fields.get("enabled", ("", "yes"))[1].lower()
    if not path or enabled in _NO or "deb" not in fields.get("types", ("", "deb"))[1].split():
        return
    for option, (number, value) in fields.items():
        if _on(option, value):
            yield f"{path}:{number}: {option}: {value}"


def _on(option: str, value: str) -> bool:
    """Whether an option switches verification off; a value that APT does not know counts as on."""
    return option.lower().removesuffix("+") in _OPTIONS and value.strip().lower() not in _NO
