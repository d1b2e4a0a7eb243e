"""Which scheduled jobs delete old files in a directory, and after how many days.

Known are commands that delete (`purge_commands`) in crontabs, in scripts that cron or a systemd timer starts, and in
units; tmpfiles.d(5) lines with an age; logrotate blocks. A job counts when it is not commented out, looks at the whole
directory, whoever starts it runs (cron for crontabs, the timer for a unit), and cron takes the file: crontab(5) and
cron(8) pass over files that others may write to, that belong to others, or, on Debian, whose last line has no end. What
a job leaves until it runs again counts as days more. Programs of the recording software that delete on their own cannot
be seen.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from posixpath import basename, join

from hardencheck.probes.linux.purge_commands import Deletion, Target, covers, deletions, span
from hardencheck.probes.output import Output

#: Functions for a probe's script. `purges NAMES` (directories, one a line) writes the items that `jobs` reads: only
#: lines that name such a directory or delete something, and plain numbers and paths that are given to variables.
FUNCTIONS = r"""
purge_lines() {
  awk '
    FNR == 1 { text = "" }
    { text = text $0 }
    /\\$/ { sub(/\\$/, " ", text); next }
    text ~ /^[[:space:]]*[A-Za-z_][A-Za-z_0-9]*=["\047]?([0-9]+|\/[^ "\047$`;|&]*)["\047]?[[:space:]]*$/ &&
      toupper(text) !~ /PASS|SECRET|TOKEN|KEY|PIN/ { print FILENAME ":" FNR ":" text; text = ""; next }
    text ~ /^exit([[:space:];]|$)|(^|[^a-z])(find|rm|tmpreaper|tmpwatch|xargs)[[:space:]]|-delete/ {
      print FILENAME ":" FNR ":" text
    }
    { text = "" }' "$@" | head -n 200
}
purges() {
  IFS='
'
  set -f
  patterns=
  for path in $1; do
    up=${path%/*}
    case $up in /*/*) ;; *) up=$path ;; esac
    patterns="$patterns
$up"
  done
  patterns=${patterns#?}
  set +f
  # shellcheck disable=SC2046 # one path a line
  set -- $(find /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly \
    /usr/local/bin /usr/local/sbin /root/bin /opt -maxdepth 3 -type f -size -128 \
    -exec grep -lF -e "$patterns" {} + 2>/dev/null | sort | head -n 40)
  names=$patterns
  for path do names="$names
${path##*/}"; done
  run executable executable "$@"
  if [ "$#" -gt 0 ]; then
    run scripts purge_lines "$@"
    calls=
    for path do calls="$calls
${path##*/}"; done
    set --
    for path in /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/*; do
      [ ! -f "$path" ] || [ ! -x "$path" ] || set -- "$@" "$path"
    done
    [ "$#" -eq 0 ] || run callers grep -HnF -e "${calls#?}" "$@"
  fi
  # shellcheck disable=SC2046
  set -- $(find /etc/crontab /etc/anacrontab /etc/cron.d /var/spool/cron /etc/crontabs -maxdepth 2 -type f \
    2>/dev/null | sort)
  if [ "$#" -gt 0 ]; then
    run crontabs grep -HnF -e "$names" "$@"
    # shellcheck disable=SC2046
    set -- $(grep -lF -e "$names" "$@")
    [ "$#" -eq 0 ] || run crontab_modes stat -L -c '%a %u %n' "$@"
    [ "$#" -eq 0 ] || run unended unended "$@"
  fi
  # shellcheck disable=SC2046
  set -- $(find /etc/systemd/system /usr/local/lib/systemd/system -maxdepth 1 -name '*.service' -type f \
    -exec grep -lF -e "$names" {} + 2>/dev/null | sort | head -n 20)
  [ "$#" -eq 0 ] || run units grep -HnE '^(ExecStart|User)' "$@"
  [ "$#" -eq 0 ] || run timers active "$@"
  set --
  for path in /etc/tmpfiles.d/*.conf /run/tmpfiles.d/*.conf /usr/local/lib/tmpfiles.d/*.conf \
    /usr/lib/tmpfiles.d/*.conf; do
    [ ! -e "$path" ] || set -- "$@" "$path"
  done
  [ "$#" -eq 0 ] || run tmpfiles grep -HnF -e "$patterns" "$@"
  [ "$#" -eq 0 ] || { run tmpfiles_names printf '%s\n' "$@"; }
  # shellcheck disable=SC2046
  set -- $(grep -lF -e "$patterns" /etc/logrotate.d/* /etc/logrotate.conf 2>/dev/null)
  words='daily|weekly|monthly|yearly|hourly|rotate|maxage'
  [ "$#" -eq 0 ] || run logrotate grep -HnE "^[[:space:]]*(/|\"|($words)|\\}|\\{)" "$@"
  unset IFS
  run daemons daemons
}
executable() {
  for path do [ ! -x "$path" ] || printf '%s\n' "$path"; done
}
unended() {
  for path do [ -z "$(tail -c 1 "$path")" ] || printf '%s\n' "$path"; done
}
active() {
  for path do
    timer=${path##*/}
    timer=${timer%.service}.timer
    [ "$(systemctl is-active "$timer" 2>/dev/null)" != active ] || printf '%s\n' "$path"
  done
}
daemons() {
  for path in /proc/[0-9]*/comm; do
    name=
    read -r name <"$path" 2>/dev/null
    case $name in cron | crond | fcron | dcron | busybox-cron) printf 'cron\n' ;; esac
  done 2>/dev/null | sort -u
  for timer in systemd-tmpfiles-clean.timer logrotate.timer; do
    [ "$(systemctl is-active "$timer" 2>/dev/null)" != active ] || printf '%s\n' "$timer"
  done
}
"""

_PERIODS = {"hourly": 1, "daily": 1, "weekly": 7, "monthly": 31, "yearly": 366}
#: Days that pass until a job runs again, beyond the one that every nightly job takes.
_AGAIN = {"@weekly": 6, "@monthly": 30, "/etc/cron.weekly": 6, "/etc/cron.monthly": 30}
_DAY_NAMES = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_SYSTEM = ("/etc/crontab", "/etc/cron.d", "/etc/anacrontab")


@dataclass(frozen=True, slots=True)
class Job:
    """One job that deletes: where it stands, after how many days (None: cannot be told), and why it does not run.

    `left` are those of the target's files that it leaves, `account` the name of who runs it.
    """

    where: str
    days: float | None
    idle: str = ""
    left: frozenset[str] = frozenset()
    account: str = "root"


@dataclass(frozen=True, slots=True)
class _Script:
    """A script that deletes: in which line, and what; whether it may be executed."""

    where: str
    deletion: Deletion
    executable: bool


def jobs(output: Output, target: Target) -> Iterator[Job]:
    """Yield the jobs that delete in a directory."""
    running = set(output.run("daemons").lines)
    scripts = _scripts(output, target)
    no_cron = "" if "cron" in running else "cron does not run"
    files = _Crontabs(output, target.no_dots)
    for where, line in _lines(output, "crontabs"):
        if (entry := _cron_entry(where, line)) is None:
            continue
        account, command, again = entry
        found = [*((deletion, "") for deletion in deletions(command, target, {})), *_called(command, scripts)]
        for deletion, closed in found:
            idle = no_cron or files.refused(where) or (again if isinstance(again, str) else "") or closed
            yield _job(where, deletion, idle, 0 if isinstance(again, str) else again, account)
    for path, script in scripts.items():
        if path.startswith("/etc/cron."):
            idle = no_cron or ("" if script.executable else "it is not executable") or files.unread(path)
            yield _job(script.where, script.deletion, idle, _AGAIN.get(path.rpartition("/")[0], 0))
    for where, line in _lines(output, "callers"):
        path = where.rpartition(":")[0]
        if path not in scripts and not line.lstrip().startswith("#"):
            for deletion, closed in _called(line, scripts):
                idle = no_cron or closed or files.unread(path)
                yield _job(where, deletion, idle, _AGAIN.get(path.rpartition("/")[0], 0))
    yield from _units(output, target, scripts)
    yield from _tmpfiles(output, target.paths, running)
    yield from _logrotate(output, target, running)


def _job(where: str, deletion: Deletion, idle: str, again: int = 0, account: str = "root") -> Job:
    days = None if deletion.days is None else deletion.days + again
    return Job(where, days, idle, deletion.left, account)


def _lines(output: Output, label: str) -> Iterator[tuple[str, str]]:
    """Yield `file:line` and the text of each line that grep or awk named; nothing when there was nothing to look at."""
    for line in output.runs[label].lines if label in output.runs else ():
        if found := re.fullmatch(r"(/[^:]*:\d+):(.*)", line):
            yield found[1], found[2]


def _cron_entry(where: str, line: str) -> tuple[str, str, int | str] | None:
    """Return account, command and further days between two runs (or why it runs too seldom) of a crontab(5) line.

    System crontabs have an account before the command; a user's crontab is named after its account.
    """
    line = line.strip()
    if not line or line.startswith("#") or re.match(r"[A-Za-z_]\w*\s*=", line):
        return None
    anacron = where.startswith("/etc/anacrontab")
    system = where.startswith(_SYSTEM) and not anacron
    times = 1 if line.startswith("@") else 3 if anacron else 5
    words = line.split(None, times + system)
    if len(words) <= times + system:
        return None
    account = words[times] if system else "root" if anacron else basename(where.rpartition(":")[0])
    return account, words[-1].replace("\\%", "%"), 0 if anacron else _again(words[:times])


def _again(times: list[str]) -> int | str:
    """Return how many days more than one pass between two runs, or why that is too seldom to count."""
    if times[0] == "@reboot":
        return "it runs when the host starts only"
    if times[0] in ("@yearly", "@annually"):
        return "it runs once a year only"
    if len(times) == 1:
        return _AGAIN.get(times[0], 0)
    months, days = _chosen(times[3], 1, 12), _chosen(times[2], 1, 31)
    week = {day % 7 for day in _chosen(times[4], 0, 7)}
    if len(months) < 12:
        return "it does not run every month"
    gaps = [_gap(chosen, whole) for chosen, whole in ((days, 31), (week, 7)) if len(chosen) < whole]
    return min(gaps, default=0)


def _chosen(field: str, first: int, last: int) -> set[int]:
    """Return the numbers that a field of crontab(5) chooses; an item that is not understood chooses all."""
    found: set[int] = set()
    for item in field.lower().split(","):
        parts = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", item)
        if parts is None or parts[1] == "*":
            start, end = first, last
        else:
            start = _DAY_NAMES.get(parts[1], int(parts[1]) if parts[1].isdigit() else first)
            end = _DAY_NAMES.get(parts[2], int(parts[2]) if parts[2].isdigit() else last) if parts[2] else start
            end = last if parts[2] is None and (parts[3] or not (parts[1].isdigit() or parts[1] in _DAY_NAMES)) else end
        found |= set(range(start, end + 1, max(1, int(parts[3])) if parts and parts[3] else 1))
    return found


def _gap(chosen: Collection[int], whole: int) -> int:
    """Return the longest stretch of days between two chosen ones, where they come around after `whole`."""
    days = sorted(chosen)
    if not days:
        return whole
    return max(after - before for before, after in zip(days, [*days[1:], days[0] + whole], strict=True)) - 1


class _Crontabs:
    """Which files cron takes: by name (run-parts(8) and cron(8) of Debian take no dots), owner, mode and last line."""

    def __init__(self, output: Output, no_dots: bool) -> None:
        self._no_dots = no_dots
        lines = output.runs["crontab_modes"].lines if "crontab_modes" in output.runs else []
        self._modes = {path: (mode, owner) for mode, owner, path in (line.split(" ", 2) for line in lines if line)}
        self._unended = set(output.runs["unended"].lines) if "unended" in output.runs else set()

    def unread(self, path: str) -> str:
        """Say why cron passes over a file because of its name."""
        good = re.fullmatch(r"[\w-]+", basename(path), re.ASCII) or not (
            self._no_dots or path.endswith(("~", ".rpmsave", ".rpmnew"))
        )
        return "" if good or not path.startswith("/etc/cron.") else "cron passes over a file of this name"

    def refused(self, where: str) -> str:
        """Say why cron passes over the crontab in which a line stands."""
        path = re.sub(r":\d+\Z", "", where)
        mode, owner = self._modes.get(path, ("600", "0"))
        if re.fullmatch(r"[0-7]+", mode) and int(mode, 8) & 0o022:
            return "cron passes over a file that others may write to"
        if path.startswith(_SYSTEM) and owner != "0":
            return "cron passes over a file that does not belong to root"
        if self._no_dots and path in self._unended:
            return "cron passes over a file whose last line has no end"
        return self.unread(path)


def _scripts(output: Output, target: Target) -> dict[str, _Script]:
    """Return the scripts that delete in the directory, by path; what stands behind an `exit` is not reached."""
    executable = set(output.run("executable").lines)
    found: dict[str, _Script] = {}
    variables: dict[str, dict[str, str]] = {}
    ended = set()
    for where, line in _lines(output, "scripts"):
        path = where.rpartition(":")[0]
        mine = variables.setdefault(path, {})
        if re.match(r"exit\b", line):
            ended.add(path)
        elif assigned := re.fullmatch(r"\s*([A-Za-z_]\w*)=[\"']?([^\"']*)[\"']?\s*", line):
            mine[assigned[1]] = assigned[2]
        elif not line.lstrip().startswith("#") and path not in ended:
            for deletion in deletions(line, target, mine):
                found.setdefault(path, _Script(where, deletion, path in executable))
    return found


def _called(command: str, scripts: Mapping[str, _Script]) -> Iterator[tuple[Deletion, str]]:
    """Yield what the scripts delete that a command names, and why they cannot be started."""
    words = re.split(r"[\s;&|'\"]+", command)
    for number, word in enumerate(words):
        for path, script in scripts.items():
            if word == path or (word == basename(path) and path.startswith(("/usr/local/", "/root/bin"))):
                read = number and re.fullmatch(r"(.*/)?(sh|bash|dash|ash|perl|python3?|\.|source)", words[number - 1])
                yield script.deletion, "" if script.executable or read else f"{path} is not executable"


def _units(output: Output, target: Target, scripts: Mapping[str, _Script]) -> Iterator[Job]:
    """Yield what units delete; their timer has to be active."""
    timed = set(output.runs["timers"].lines) if "timers" in output.runs else set()
    lines = [(where, *line.partition("=")[::2]) for where, line in _lines(output, "units")]
    users = {where.rpartition(":")[0]: value.strip() for where, name, value in lines if name.strip() == "User"}
    for where, name, value in lines:
        if not name.startswith("ExecStart"):
            continue
        path, command = where.rpartition(":")[0], value.strip().lstrip("-@:+!")
        found = [*((deletion, "") for deletion in deletions(command, target, {})), *_called(command, scripts)]
        for deletion, closed in found:
            idle = ("" if path in timed else "its timer is not active") or closed
            yield _job(where, deletion, idle, account=users.get(path) or "root")


def _tmpfiles(output: Output, names: Collection[str], running: Collection[str]) -> Iterator[Job]:
    """Yield lines of tmpfiles.d(5) that clean up by age; a file hides those of its name in weaker directories.

    A line of type x or X keeps its path from being cleaned; a `!` leaves a line to the start of the host.
    """
    chosen: dict[str, str] = {}
    for path in output.runs["tmpfiles_names"].lines if "tmpfiles_names" in output.runs else ():
        chosen.setdefault(basename(path), path)
    idle = "" if "systemd-tmpfiles-clean.timer" in running else "systemd-tmpfiles-clean.timer is not active"
    found, kept = [], ""
    for where, line in _lines(output, "tmpfiles"):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        if len(words) < 2 or where.rpartition(":")[0] not in chosen.values() or not covers([words[1]], names):
            continue
        if words[0][:1] in "xX":
            kept = f"a line of type {words[0][:1]} ({where}) keeps the directory from being cleaned"
        if len(words) < 6 or words[0][:1] not in "dDevqQC":
            continue
        age = words[5].removeprefix("~").rpartition(":")[2]
        if age != "-":
            boot = "it is for the start of the host only" if "!" in words[0] else ""
            found.append(Job(where, span(age, 1 / 86400), idle or boot))
    yield from (replace(job, idle=job.idle or kept) for job in found)


def _logrotate(output: Output, target: Target, running: Collection[str]) -> Iterator[Job]:
    """Yield logrotate(8) blocks for files in the directory: maxage, or rotations times their period."""
    idle = "" if {"logrotate.timer", "cron"}.intersection(running) else "nothing starts logrotate"
    block: tuple[str, dict[str, str], frozenset[str]] | None = None
    for where, line in _lines(output, "logrotate"):
        words = line.replace("{", " { ").split()
        if words and words[0].startswith(("/", '"')):
            patterns = [word.strip('"') for word in words]
            left = frozenset(file for file in target.files if not _rotated(file, target.paths, patterns))
            block = (where, {}, left) if len(left) < len(set(target.files)) else None
        elif block and words[:1] == ["}"]:
            days = float(block[1].get("maxage", math.inf))
            if "rotate" in block[1]:
                period = next((count for word, count in _PERIODS.items() if word in block[1]), None)
                days = min(days, math.inf if period is None else (int(block[1]["rotate"]) + 1) * period)
            yield Job(block[0], None if math.isinf(days) else days, idle, block[2])
            block = None
        elif block and words:
            block[1][words[0]] = words[1] if len(words) > 1 and words[1].isdigit() else "0"


def _rotated(file: str, names: Collection[str], patterns: Collection[str]) -> bool:
    """Whether a pattern of glob(7), in which a star stands for no slash, names the file."""
    paths = [join(name, file) for name in names]
    return any(
        fnmatchcase(path, pattern) and path.count("/") == pattern.count("/") for path in paths for pattern in patterns
    )
