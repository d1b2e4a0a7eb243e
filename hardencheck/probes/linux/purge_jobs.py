"""Which scheduled jobs delete old files in a directory, and after how many days.

Known are `find ... -delete` (or `-exec rm`, or `| xargs rm`), tmpreaper, tmpwatch and rm in crontabs, in scripts that
cron or a systemd timer starts, in units themselves; tmpfiles.d(5) lines with an age; logrotate blocks. A job counts
when it is not commented out, looks at the whole directory, and whoever starts it runs: cron for crontabs, the timer for
a unit. Programs of the recording software that delete on their own cannot be seen.
"""

from __future__ import annotations

import itertools
import math
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from posixpath import basename, normpath

from hardencheck.probes.linux.block_devices import inside
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
    text ~ /(^|[^a-z])(find|rm|tmpreaper|tmpwatch|xargs)[[:space:]]|-delete/ { print FILENAME ":" FNR ":" text }
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
  [ "$#" -eq 0 ] || run scripts purge_lines "$@"
  # shellcheck disable=SC2046
  set -- $(find /etc/crontab /etc/anacrontab /etc/cron.d /var/spool/cron /etc/crontabs -maxdepth 2 -type f \
    2>/dev/null | sort)
  [ "$#" -eq 0 ] || run crontabs grep -HnF -e "$names" "$@"
  # shellcheck disable=SC2046
  set -- $(find /etc/systemd/system /usr/local/lib/systemd/system -maxdepth 1 -name '*.service' -type f \
    -exec grep -lF -e "$names" {} + 2>/dev/null | sort | head -n 20)
  [ "$#" -eq 0 ] || run units grep -Hn '^ExecStart' "$@"
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

_TIMES = {"-mtime": 1.0, "-ctime": 1.0, "-atime": 1.0, "-mmin": 1 / 1440, "-cmin": 1 / 1440, "-amin": 1 / 1440}
_SPAN = {"s": 1 / 86400, "m": 1 / 1440, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0}
_PERIODS = {"hourly": 1, "daily": 1, "weekly": 7, "monthly": 31, "yearly": 366}
#: What may stand in a find(1) command line without changing which old files it deletes.
_HARMLESS = {
    "-type", "-name", "-iname", "-maxdepth", "-mindepth", "-xdev", "-mount", "-depth", "-daystart", "-print", "-print0",
    "-delete", "-o", "-or", "-noleaf", "-ignore_readdir_race", "-follow",
}  # fmt: skip
_SHELL_WORDS = {"sudo", "nice", "ionice", "then", "do", "else", "if", "!", "{", "(", "exec", "time", "command"}


@dataclass(frozen=True, slots=True)
class Job:
    """One job that deletes: where it stands, after how many days (None: cannot be told), and why it does not run."""

    where: str
    days: float | None
    idle: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The directory by all its paths, names of files that lie in it, and whether cron is Debian's (`no_dots`)."""

    paths: tuple[str, ...]
    files: tuple[str, ...]
    no_dots: bool


def jobs(output: Output, target: Target) -> Iterator[Job]:
    """Yield the jobs that delete in a directory."""
    names, no_dots = target.paths, target.no_dots
    running = set(output.run("daemons").lines)
    scripts = _scripts(output, target)
    executable = set(output.run("executable").lines)
    no_cron = "" if "cron" in running else "cron does not run"
    for where, line in _lines(output, "crontabs"):
        if (command := _cron_command(where, line)) is None:
            continue
        for days in (*_deletes(command, target, {}), *_called(command, scripts)):
            at_boot = "it runs when the host starts only" if line.lstrip().startswith("@reboot") else ""
            yield Job(where, days, no_cron or at_boot or _unread(where, no_dots))
    for path, (where, days) in scripts.items():
        if path.startswith("/etc/cron."):
            closed = "" if path in executable else "it is not executable"
            yield Job(where, days, no_cron or closed or _unread(path, no_dots))
    timed = set(output.runs["timers"].lines) if "timers" in output.runs else set()
    for where, line in _lines(output, "units"):
        command = line.partition("=")[2].lstrip("-@:+!")
        for days in (*_deletes(command, target, {}), *_called(command, scripts)):
            yield Job(where, days, "" if where.rpartition(":")[0] in timed else "its timer is not active")
    yield from _tmpfiles(output, names, running)
    yield from _logrotate(output, names, running)


def _lines(output: Output, label: str) -> Iterator[tuple[str, str]]:
    """Yield `file:line` and the text of each line that grep or awk named; nothing when there was nothing to look at."""
    for line in output.runs[label].lines if label in output.runs else ():
        if found := re.fullmatch(r"(/[^:]*:\d+):(.*)", line):
            yield found[1], found[2]


def _cron_command(where: str, line: str) -> str | None:
    """Return the command of a crontab(5) line; system crontabs have an account before it."""
    line = line.strip()
    if not line or line.startswith("#") or re.match(r"[A-Za-z_]\w*\s*=", line):
        return None
    system = where.startswith(("/etc/crontab:", "/etc/cron.d/", "/etc/anacrontab"))
    fields = (1 if line.startswith("@") else 3 if "anacrontab" in where else 5) + (system and "anacrontab" not in where)
    words = line.split(None, fields)
    return words[fields].replace("\\%", "%") if len(words) > fields else None


def _unread(where: str, no_dots: bool) -> str:
    """Say why cron passes over a file because of its name: cron(8) and run-parts(8) of Debian take no dots."""
    path = re.sub(r":\d+\Z", "", where)
    good = re.fullmatch(r"[\w-]+", basename(path), re.ASCII) or not (
        no_dots or path.endswith(("~", ".rpmsave", ".rpmnew"))
    )
    return "" if good or not path.startswith("/etc/cron.") else "cron passes over a file of this name"


def _scripts(output: Output, target: Target) -> dict[str, tuple[str, float | None]]:
    """Return the scripts that delete in the directory: where, and after how many days."""
    found: dict[str, tuple[str, float | None]] = {}
    variables: dict[str, dict[str, str]] = {}
    for where, line in _lines(output, "scripts"):
        path = where.rpartition(":")[0]
        mine = variables.setdefault(path, {})
        if assigned := re.fullmatch(r"\s*([A-Za-z_]\w*)=[\"']?([^\"']*)[\"']?\s*", line):
            mine[assigned[1]] = assigned[2]
        elif not line.lstrip().startswith("#"):
            for days in _deletes(line, target, mine):
                found.setdefault(path, (where, days))
    return found


def _called(command: str, scripts: Mapping[str, tuple[str, float | None]]) -> Iterator[float | None]:
    for word in re.split(r"[\s;&|]+", command):
        for path, (_, days) in scripts.items():
            if word == path or (word == basename(path) and path.startswith(("/usr/local/", "/root/bin"))):
                yield days


def _deletes(command: str, target: Target, variables: Mapping[str, str]) -> Iterator[float | None]:
    """Yield, for each part of a command line that deletes in the whole directory, after how many days."""
    names = target.paths
    for name, value in variables.items():
        command = re.sub(rf"\$\{{{name}\}}|\${name}\b", value.replace("\\", r"\\"), command)
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        words = list(lexer)
    except ValueError:
        if any(name in command for name in names):
            yield None
        return
    parts: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set(";&|"):
            parts.append([])
        else:
            parts[-1].append(word)
    for number, words in enumerate(parts):
        part = list(itertools.dropwhile(_before_the_program, words))
        if not part:
            continue
        program, arguments = basename(part[0]), part[1:]
        following = parts[number + 1] if number + 1 < len(parts) else []
        if program == "find":
            yield from _find(arguments, target, "xargs" in following and "rm" in following)
        elif program in ("tmpreaper", "tmpwatch") and _covers(arguments, names):
            yield next((days for word in arguments if (days := _span(word, 1 / 24)) is not None), None)
        elif program == "rm" and any(_within(word, names) for word in arguments):
            yield None


def _before_the_program(word: str) -> bool:
    """Whether a word only says how the program is started: sudo, nice -n 10, VARIABLE=value."""
    return word in _SHELL_WORDS or word.startswith("-") or word.isdigit() or bool(re.match(r"\w+=", word))


def _find(arguments: list[str], target: Target, piped: bool) -> Iterator[float | None]:
    """Yield after how many days a `find` deletes; nothing when it does not, or not files such as these.

    Tests that are not understood make it unclear.
    """
    starts = []
    rest = [word for word in arguments if word not in ("-H", "-L", "-P")]
    while rest and not rest[0].startswith(("-", "(", "!", "\\")):
        starts.append(rest.pop(0))
    pairs = list(zip(rest, [*rest[1:], ""], strict=True))
    runs = next((number for number, word in enumerate(rest) if word.startswith("-exec")), len(rest))
    removes = piped or "-delete" in rest or any(basename(word) == "rm" for word in rest[runs + 1 : runs + 2])
    if not removes or not _covers(starts, target.paths) or "-empty" in rest or ("-type", "d") in pairs:
        return
    if any(word.startswith(("-", "!")) and word not in _HARMLESS and word not in _TIMES for word in rest[:runs]):
        yield None
        return
    patterns = [after for word, after in pairs[:runs] if word in ("-name", "-iname")]
    if patterns and not any(fnmatch(file, pattern) for file in target.files for pattern in patterns):
        return
    ages = [(word, after) for word, after in pairs[:runs] if word in _TIMES]
    days = 0.0
    for word, after in ages:
        found = re.fullmatch(r"(\+?)(\d+)", after)
        if found is None:
            yield None
            return
        days = max(days, int(found[2]) * _TIMES[word])
    yield days


def _covers(starts: Collection[str], names: Collection[str]) -> bool:
    """Whether one of the paths is the directory or lies above it."""
    return any(
        inside(name, normpath(start.rstrip("*").rstrip("/") or "/"))
        for start in starts
        for name in names
        if start[:1] == "/"
    )


def _within(word: str, names: Collection[str]) -> bool:
    return any(inside(normpath(word), name) for name in names if word[:1] == "/")


def _span(text: str, unit: float) -> float | None:
    """Return a time span in days; `unit` is what a bare number means."""
    total, position = 0.0, 0
    for found in re.finditer(r"(\d+)(s|min|m|h|d|w)?", text):
        if found.start() != position:
            return None
        total += int(found[1]) * (_SPAN[found[2]] if found[2] else unit)
        position = found.end()
    return total if position == len(text) and position else None


def _tmpfiles(output: Output, names: Collection[str], running: Collection[str]) -> Iterator[Job]:
    """Yield lines of tmpfiles.d(5) that clean up by age; a file hides those of its name in weaker directories."""
    chosen: dict[str, str] = {}
    for path in output.runs["tmpfiles_names"].lines if "tmpfiles_names" in output.runs else ():
        chosen.setdefault(basename(path), path)
    idle = "" if "systemd-tmpfiles-clean.timer" in running else "systemd-tmpfiles-clean.timer is not active"
    for where, line in _lines(output, "tmpfiles"):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        if len(words) < 6 or words[0][:1] not in "dDevqQC" or where.rpartition(":")[0] not in chosen.values():
            continue
        age = words[5].removeprefix("~").rpartition(":")[2]
        if age == "-" or not _covers([words[1]], names):
            continue
        yield Job(where, _span(age, 1 / 86400), idle)


def _logrotate(output: Output, names: Collection[str], running: Collection[str]) -> Iterator[Job]:
    """Yield logrotate(8) blocks for files in the directory: maxage, or rotations times their period."""
    idle = "" if {"logrotate.timer", "cron"}.intersection(running) else "nothing starts logrotate"
    block: tuple[str, dict[str, str]] | None = None
    for where, line in _lines(output, "logrotate"):
        words = line.replace("{", " { ").split()
        if words and words[0].startswith(("/", '"')):
            mine = any(_within(word.strip('"'), names) for word in words)
            block = (where, {}) if mine else None
        elif block and words[:1] == ["}"]:
            days = float(block[1].get("maxage", math.inf))
            if "rotate" in block[1]:
                period = next((count for word, count in _PERIODS.items() if word in block[1]), None)
                days = min(days, math.inf if period is None else (int(block[1]["rotate"]) + 1) * period)
            yield Job(block[0], None if math.isinf(days) else days, idle)
            block = None
        elif block and words:
            block[1][words[0]] = words[1] if len(words) > 1 and words[1].isdigit() else "0"
