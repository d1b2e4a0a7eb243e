"""Whether software is installed, running and started on a schedule: shell functions for scripts, and what reads them.

Absence counts only when the package database answered too: it always lists itself.
"""

from __future__ import annotations

import re
from datetime import datetime

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.probe import Question
from hardencheck.probes.output import Output, Run

#: The installed packages of those that are asked for, and the package manager itself.
PACKAGES = Question(
    "packages",
    r"""
if command -v dpkg-query >/dev/null; then
  # shellcheck disable=SC2016 # the dollar signs are dpkg's
  dpkg-query -W -f '${Status}|${Package}\n' dpkg "$@" | sed -n 's/^.* ok installed|//p' | sort -u
elif command -v rpm >/dev/null; then
  rpm -q --qf '%{NAME}\n' rpm "$@" | grep -v ' ' | sort -u
else
  (exit 127)
fi
""",
)
#: The names of all processes (`any`), and of those that are in no container (`own`; needs root).
#: A kernel thread that is named after its processor holds a slash: there can be thousands of them.
PROCESSES = Question(
    "processes",
    r"""
for process in /proc/[0-9]*; do
  { read -r name <"$process/comm"; } 2>/dev/null || continue
  case $name in */*) continue ;; esac
  printf 'any %s\n' "$name"
  # shellcheck disable=SC3013 # dash, bash and busybox ash compare files so
  [ ! "$process/ns/pid" -ef /proc/self/ns/pid ] || printf 'own %s\n' "$name"
done | sort -u
""",
)
#: Lines of crontabs and of executable files in /etc/cron.*, and timers with their state, that match a regex asked for.
SCHEDULE = Question(
    "schedule",
    r"""
wanted=$(printf '%s|' "$@")
wanted=${wanted%"|"}
set --
for path in /etc/crontab /etc/cron.d/* /etc/anacrontab /var/spool/cron/crontabs/root /var/spool/cron/root \
  /var/spool/cron/tabs/root; do
  [ ! -f "$path" ] || set -- "$@" "$path"
done
for path in /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/*; do
  [ ! -f "$path" ] || [ ! -x "$path" ] || set -- "$@" "$path"
done
[ "$#" -eq 0 ] || grep -H -E "$wanted" "$@"
[ ! -d /run/systemd/system ] || echo '@systemd'
systemctl list-units --all --plain --no-legend --type=timer | awk '{ print $1, $3 }' | sort |
  grep -E "$wanted" | while read -r timer state; do
  service=$(systemctl show -p Unit "$timer")
  case $(systemctl is-enabled "${service#Unit=}") in masked*) state=masked ;; esac
  printf '@timer %s %s\n' "$timer" "$state"
done
:
""",
)

#: Functions for the script of a probe that asks the questions above.
#:   installed PACKAGE...   those that are installed, and the package manager itself (PACKAGES)
#:   running NAMES          which of these processes run, those of containers left out (PROCESSES); NAMES are
#:                          patterns of the shell with | between them
#:   seen NAMES             the same with containers: sensors often run in one (PROCESSES)
#:   scheduled REGEX        matching lines of crontabs and jobs, and matching timers (SCHEDULE)
FUNCTIONS = r"""
installed() {
  found=$(answer packages) || return
  for name in $found; do
    case " dpkg rpm $* " in *" $name "*) printf '%s\n' "$name" ;; esac
  done
}
matching() { # matching own|any NAMES
  case $2 in
    *[!A-Za-z0-9_@:+.*\|-]* | '' | '|'* | *'||'* | *'|') # no pattern of the shell
      printf '%s\n' "$found" | sed -n -E "s/^$1 ($2)\$/\1/p"
      return ;;
  esac
  set -f
  IFS='
'
  eval "for name in \$found; do
    case \$name in '$1 '*) ;; *) continue ;; esac
    case \${name#????} in $2) printf '%s\n' \"\${name#????}\" ;; esac
  done"
  unset IFS
  set +f
}
running() {
  found=$(answer processes) || return
  matching own "$1"
  case $found in *'own '*) ;; *) return 1 ;; esac
}
seen() {
  found=$(answer processes) || return
  matching any "$1"
}
scheduled() {
  found=$(answer schedule) || return
  printf '%s\n' "$found" | grep -E "^(@systemd\$|@timer .*($1)|/[^:]*:.*($1))"
  return 0
}
"""

#: processes that run crontabs
CRON = "cron|crond|fcron|anacron"

_CRONTAB_LINE = re.compile(r"\s*(@\w+|(\S+\s+){4}\S+)\s+(?P<command>\S.*)")


def packages(run: Run) -> frozenset[str] | None:
    """Return the installed packages of those that were asked for; None when the package database did not answer."""
    names = frozenset(run.text.split())
    return names if names & {"dpkg", "rpm"} else None


def processes(run: Run) -> frozenset[str] | None:
    """Return the names of the processes that match; None when /proc does not show them."""
    return frozenset(run.lines) if run.status == 0 else None


def days_since(then: datetime, now: datetime) -> int:
    """Return whole days; clocks that differ by less than a day make no negative age, a time further ahead does."""
    days = (now - then).days
    return 0 if days == -1 else days


def schedule(output: Output, command: re.Pattern[str], *, cron_runs: bool) -> str:
    """Return where a command is scheduled, or "": an active timer, a crontab or a job in /etc/cron.*.

    Crontabs count only while a cron daemon runs. A job that leaves at once when systemd runs (Debian's way to prefer
    its timer) counts only without systemd. Raises CaptureUnreadable when crontabs and timers were not listed.
    """
    if output.run("scheduled").status != 0:
        raise CaptureUnreadable("crontabs and timers were not listed")
    lines = output.run("scheduled").lines
    for line in lines:
        words = line.split()
        if words[:1] == ["@timer"] and len(words) == 3 and words[2] == "active" and command.search(words[1]):
            return words[1]
    if not cron_runs:
        return ""
    by_file: dict[str, list[str]] = {}
    for line in lines:
        path, colon, text = line.partition(":")
        if colon and not text.lstrip().startswith("#"):
            by_file.setdefault(path, []).append(text)
    for path, texts in by_file.items():
        if "@systemd" in lines and any("/run/systemd/system" in text for text in texts):
            continue
        for text in texts:
            job = path.startswith(("/etc/cron.hourly/", "/etc/cron.daily/", "/etc/cron.weekly/", "/etc/cron.monthly/"))
            found = None if job else _CRONTAB_LINE.match(text)
            if command.search(text if job else found["command"] if found else ""):
                return path
    return ""
