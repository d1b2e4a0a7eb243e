"""Whether software is installed, running and started on a schedule: shell functions for scripts, and what reads them.

Absence counts only when the package database answered too: it always lists itself.
"""

from __future__ import annotations

import re
from datetime import datetime

from hardencheck.probes.output import Output, Run

#: Functions for a probe's script.
#:   installed PACKAGE...   those that are installed, and the package manager itself
#:   running REGEX          names of processes that match, those of containers left out (needs root)
#:   seen REGEX             the same with containers: sensors often run in one
#:   scheduled REGEX        matching lines of crontabs and of executable files in /etc/cron.*, and matching timers
FUNCTIONS = r"""
installed() {
  if command -v dpkg-query >/dev/null; then
    # shellcheck disable=SC2016 # the dollar signs are dpkg's
    dpkg-query -W -f '${Status}|${Package}\n' dpkg "$@" 2>/dev/null | sed -n 's/^.* ok installed|//p' | sort -u
  elif command -v rpm >/dev/null; then
    rpm -q --qf '%{NAME}\n' rpm "$@" 2>/dev/null | grep -v ' ' | sort -u
  else
    return 127
  fi
}
running() {
  own=$(readlink /proc/self/ns/pid) || return
  # shellcheck disable=SC2012 # the names are numbers
  set -- "$1" "$(ls -l /proc/[0-9]*/ns/pid 2>/dev/null |
    sed -n "s|.* /proc/\([0-9]*\)/ns/pid -> pid:\[${own#pid:[}$|\1|p")"
  for pid in $2; do
    read -r name 2>/dev/null <"/proc/$pid/comm" && printf '%s\n' "$name"
  done | grep -x -E "$1" | sort -u
  [ -n "$2" ]
}
seen() { cat /proc/[0-9]*/comm 2>/dev/null | grep -x -E "$1" | sort -u; }
scheduled() {
  for tab in /etc/crontab /etc/cron.d/* /etc/anacrontab /var/spool/cron/crontabs/root /var/spool/cron/root \
    /var/spool/cron/tabs/root; do
    [ ! -f "$tab" ] || grep -H -E "$1" "$tab"
  done
  for job in /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/*; do
    [ ! -f "$job" ] || [ ! -x "$job" ] || grep -H -E "$1" "$job"
  done
  [ ! -d /run/systemd/system ] || echo '@systemd'
  systemctl list-units --all --plain --no-legend --type=timer 2>/dev/null | awk '{ print $1, $3 }' | sort |
    grep -E "$1" | while read -r timer state; do
    service=$(systemctl show -p Unit "$timer" 2>/dev/null)
    case $(systemctl is-enabled "${service#Unit=}" 2>/dev/null) in masked*) state=masked ;; esac
    printf '@timer %s %s\n' "$timer" "$state"
  done
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
    its timer) counts only without systemd.
    """
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
