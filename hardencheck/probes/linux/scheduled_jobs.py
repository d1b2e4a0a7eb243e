"""Who may schedule jobs with cron and at.

Reads: mode and owner of /etc/cron.allow, /etc/cron.deny, /etc/at.allow, /etc/at.deny and of the programs crontab and
at; the names in the allow files; the package database.
Needs: root (the allow files are mostly closed to others).
Facts: cron_restricted, at_restricted (only root and the names in the allow file may; true when the program is not
there); allowed_users (the names in both allow files); changeable_files (allow files that somebody else than root may
change); literal_offenders (allow files that are missing, not root's, or more open than 0640: the letter of the guides).
Absent when: neither cron nor at is installed, and the package database says so too: not_applicable.

crontab(1): with cron.allow only its names may; without it Debian lets everybody, others whoever cron.deny does not
name. Denied when cron.allow cannot be read by crontab. at(1), perm.c: an at.allow that at itself cannot read (on Debian
it runs as daemon, not as root) counts as missing, and at.deny decides; with neither file only root may. User timers of
systemd are another way to run things later, which these files do not govern.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import software
from hardencheck.probes.output import Output, read

_PACKAGES = ("cron", "cronie", "bcron", "fcron", "busybox-cron", "at")

SCRIPT = (
    software.FUNCTIONS
    + r"""
modes() {
  command -v stat >/dev/null || return 127
  for path do
    [ ! -L "$path" ] || printf '@link %s %s\n' "$path" "$(readlink -f "$path")"
    [ ! -e "$path" ] || set -- "$@" "$path"
    shift
  done
  [ "$#" -eq 0 ] || stat -L -c '%f %u %g %n' "$@"
}
run modes modes /etc/cron.allow /etc/cron.deny /etc/at.allow /etc/at.deny \
  /usr/bin/crontab /bin/crontab /usr/bin/at /bin/at
names() {
  for path do
    [ ! -f "$path" ] || set -- "$@" "$path"
    shift
  done
  [ "$#" -eq 0 ] || awk 'NF && $1 !~ /^#/ { print FILENAME, $1 }' "$@"
}
run names names /etc/cron.allow /etc/at.allow
"""
    + f"run packages installed {' '.join(_PACKAGES)}\n"
)

FACTS: dict[str, JsonSchema] = {
    "cron_restricted": {"type": "boolean"},
    "at_restricted": {"type": "boolean"},
    "allowed_users": {"type": "array", "items": {"type": "string"}},
    "changeable_files": {"type": "array", "items": {"type": "string"}},
    "literal_offenders": {"type": "array", "items": {"type": "string"}},
}

_CRONS = {"cron", "cronie", "bcron", "fcron", "busybox-cron"}


@dataclass(frozen=True, slots=True)
class _File:
    """Mode bits, owner and group of one file."""

    mode: int
    owner: int
    group: int

    def readable_by(self, program: _File) -> bool:
        """Whether a set-id program can open this file, whoever starts it."""
        user = program.owner if program.mode & 0o4000 else -1
        group = program.group if program.mode & 0o2000 else -1
        if user == 0 or self.mode & 0o004:
            return True
        return bool((user == self.owner and self.mode & 0o400) or (group == self.group and self.mode & 0o040))


def parse(capture: Capture, context: Context) -> Observation:
    """Yield who may schedule jobs (crontab(1), at.allow(5))."""
    output = read(capture)
    if output.run("modes").missing:
        return Observation.not_collected("stat is not installed")
    found = _modes(output)
    if found is None or output.run("names").status:
        return Observation.not_collected("the allow files could not be looked at")
    crontab = found.get("/usr/bin/crontab", found.get("/bin/crontab"))
    at = found.get("/usr/bin/at", found.get("/bin/at"))
    installed = software.packages(output.run("packages"))
    if crontab is None and at is None:
        if installed is None or installed & {*_CRONS, "at"}:
            return Observation.not_collected("crontab and at were not found, but the package database does not say so")
        return Observation.not_applicable("neither cron nor at is installed")
    facts: dict[str, object] = {
        "cron_restricted": crontab is None or not crontab.mode & 0o6000 or "/etc/cron.allow" in found,
        "at_restricted": at is None or not at.mode & 0o6000 or _at_restricted(found, at),
        "allowed_users": sorted({line.split(" ", 1)[1] for line in output.run("names").lines}),
        "changeable_files": [
            f"{path}: {_words(file)}"
            for path, file in sorted(found.items())
            if path.endswith(".allow") and (file.owner != 0 or file.mode & 0o022)
        ],
        "literal_offenders": _literal(found, crontab is not None, at is not None),
    }
    read_from = {
        "cron_restricted": _where(found, "/etc/cron.allow", "/etc/cron.deny"),
        "at_restricted": _where(found, "/etc/at.allow", "/etc/at.deny") + _closed(found, at),
        "allowed_users": "/etc/cron.allow, /etc/at.allow",
    }
    links = [line for line in output.run("modes").lines if line.startswith("@link") and "busybox" in line]
    if links:
        del facts["cron_restricted"]
        return Observation.of(facts, read_from, {"cron_restricted": "busybox's crontab does not read cron.allow"})
    return Observation.of(facts, read_from)


def _modes(output: Output) -> dict[str, _File] | None:
    """Return the files that are there; None when a line tells nothing."""
    found = {}
    if output.run("modes").status != 0:
        return None
    for line in output.run("modes").lines:
        if line.startswith("@link "):
            continue
        words = line.split()
        if len(words) != 4 or not (words[1] + words[2]).isdigit():
            return None
        try:
            found[words[3]] = _File(int(words[0], 16), int(words[1]), int(words[2]))
        except ValueError:
            return None
    return found


def _at_restricted(found: dict[str, _File], at: _File) -> bool:
    allow, deny = found.get("/etc/at.allow"), found.get("/etc/at.deny")
    if allow and allow.readable_by(at):
        return True
    return deny is None or not deny.readable_by(at)


def _closed(found: dict[str, _File], at: _File | None) -> str:
    allow = found.get("/etc/at.allow")
    return "; at itself cannot read at.allow" if allow and at and not allow.readable_by(at) else ""


def _where(found: dict[str, _File], *paths: str) -> str:
    return ", ".join(f"{path}: {_words(found[path]) if path in found else 'not there'}" for path in paths)


def _words(file: _File) -> str:
    return f"mode {file.mode & 0o7777:04o}, owner {file.owner}, group {file.group}"


def _literal(found: dict[str, _File], cron: bool, at: bool) -> list[str]:
    offenders = []
    for path, needed in (("/etc/cron.allow", cron), ("/etc/at.allow", at)):
        file = found.get(path)
        if file is None:
            offenders += [f"{path}: not there"] * needed
        elif file.owner or file.mode & 0o137:
            offenders.append(f"{path}: {_words(file)}")
    return offenders


PROBE = Probe(
    id="linux.scheduled_jobs",
    title="Who may schedule jobs with cron and at",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=32 * 1024,
    asks={software.PACKAGES: _PACKAGES},
)
