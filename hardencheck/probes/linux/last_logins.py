"""When each account was last used: the login records of terminals, and what sshd logged.

sshd writes no login record for a session without a terminal (a command, sftp, a forwarded port), so its log is read as
well. Sources: lastlog(8), lastlog2(8), last(1), sshd(8); do_login() of OpenSSH records a login only with a terminal.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import strptime

from hardencheck.model.probe import Question
from hardencheck.probes.linux import local_accounts
from hardencheck.probes.output import PRELUDE, Output, Run

#: Each function writes one line for every account, the newest login; status 3: the source is not there.
SCRIPT = r"""
last_records() {
  rc=3
  if [ -r /var/log/lastlog ] && command -v lastlog >/dev/null 2>&1; then
    rc=0
    TZ=UTC0 lastlog | grep -v 'Never logged in'
  elif [ -r /var/log/lastlog ]; then
    rc=0
    awk -F: '$3 ~ /^[0-9]+$/ && $7 !~ /(nologin|false)$/ { print $1 ":" $3 }' /etc/passwd | head -n 200 |
      while IFS=: read -r name uid; do
        printf '%s@%s\n' "$name" "$(od -A n -t u4 -j "$((uid * 292))" -N 4 /var/log/lastlog 2>/dev/null)"
      done
  fi
  if [ -r /var/lib/lastlog/lastlog2.db ] && command -v lastlog2 >/dev/null 2>&1; then
    rc=0
    TZ=UTC0 lastlog2 | grep -v 'Never logged in'
  fi
  return "$rc"
}
terminal_logins() {
  command -v last >/dev/null 2>&1 || return 3
  for file in /var/log/wtmp /var/log/wtmp.1; do
    if [ -r "$file" ]; then TZ=UTC0 last -F -w -n 5000 -f "$file"; fi
  done | awk '!seen[$1, /begins/]++'
}
journal_logins() {
  # shellcheck disable=SC2016 # a program for awk
  accepted='$1 ~ /^[0-9.]+$/ && $4 == "Accepted" && $6 == "for" && !seen[$7]++ { print $7 "@" int($1) }'
  command -v journalctl >/dev/null 2>&1 || return 3
  found=$(journalctl -q --no-pager -o short-unix -r -n 3000 -t sshd -t sshd-session -g '^Accepted ' 2>&1) ||
    # nothing said: nothing found; an older one does not know -g, or was built without it
    [ -z "$found" ] ||
    found=$(journalctl -q --no-pager -o short-unix -r -n 3000 -t sshd -t sshd-session 2>/dev/null)
  printf '%s\n' "$found" | awk "$accepted"
}
logged_logins() {
  for file in /var/log/auth.log.1 /var/log/auth.log /var/log/secure-* /var/log/secure; do
    if [ -f "$file" ] && [ -r "$file" ]; then tail -c 4000000 "$file"; fi
  done | awk '{ day = $1; rest = 4; if ($1 !~ /^[0-9][0-9][0-9][0-9]-/) { day = $1 " " $2 " " $3; rest = 6 } }
    $(rest - 1) ~ /^sshd(-session)?\[/ && $rest == "Accepted" && $(rest + 2) == "for" { last[$(rest + 3)] = day }
    END { for (name in last) print name "@" last[name] }' | sort
}
run last_records last_records
run terminal_logins terminal_logins
run journal_logins journal_logins
run logged_logins logged_logins
run ssh_servers sh -c 'command -v sshd; command -v dropbear'
run zone date +%z
"""
#: Items: the accounts of this host, and when they were last used.
USERS = Question("users", PRELUDE + local_accounts.SCRIPT + SCRIPT + "read_later\n", seconds=30, max_bytes=120_000)
ASKS: dict[Question, tuple[str, ...]] = {**local_accounts.ASKS, USERS: ()}

_RECORD = re.compile(r"(\S+)\s.*?\w{3} (\w{3} [ \d]\d \d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})\s*$")
_RAW = re.compile(r"([^@]+)@\s*(\d+)$")
_SESSION = re.compile(r"(\S+)\s.*?\w{3} (\w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\b")
_SYSLOG = re.compile(r"\w{3} [ \d]?\d \d\d:\d\d:\d\d$")


@dataclass(slots=True)
class Logins:
    """When each name logged in, in seconds since 1970: the newest of each source.

    `sources` are those that could be read. `no_records` says why logins at terminals cannot be told, `no_log` why
    those by SSH cannot; both are empty when they can.
    """

    times: dict[str, list[int]] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    no_records: str = ""
    no_log: str = ""

    @property
    def problem(self) -> str:
        """Why somebody may have logged in without a trace here; empty when that cannot be."""
        return self.no_records or self.no_log


def logins(output: Output, now: datetime) -> Logins:
    """Return the last logins; a syslog line without a year is taken for the newest such day that has come."""
    found = Logins()
    records, sessions = output.run("last_records"), output.run("terminal_logins")
    if records.status == 0:
        found.sources.append("lastlog")
        _each(found, records, _record)
    if any(" begins " in line for line in sessions.lines):
        found.sources.append("wtmp")
        _each(found, sessions, _session)
    if not found.sources:
        found.no_records = "neither lastlog nor wtmp can be read, so logins at terminals cannot be told"
    before = len(found.sources)
    for label, name in (("journal_logins", "sshd's lines of the journal"), ("logged_logins", "sshd's lines of syslog")):
        run, zone = output.run(label), output.run("zone").text.strip()
        if _each(found, run, lambda line, zone=zone: _logged(line, zone, now)):  # type: ignore[misc]
            found.sources.append(name)
    servers = output.run("ssh_servers").text
    if "dropbear" in servers:
        found.no_log = "logins by dropbear cannot be told"
    elif "sshd" in servers and (level := _silent(output)):
        found.no_log = f"sshd is told not to log logins (LogLevel {level}), so they cannot be told"
    elif "sshd" in servers and len(found.sources) == before:
        found.no_log = "no log holds a login by SSH, not even one, so they cannot be told"
    return found


def _silent(output: Output) -> str:
    """Return a level at which sshd logs no logins, if one is set anywhere (sshd_config(5): it takes INFO)."""
    lines = output.runs["sshd_settings"].lines if "sshd_settings" in output.runs else []
    levels = [words[1] for line in lines if len(words := line.split()) > 1 and words[0] == "loglevel"]
    return next((level for level in levels if level.lower() in ("quiet", "fatal", "error")), "")


def _each(found: Logins, run: Run, parse: Callable[[str], tuple[str, int] | None]) -> bool:
    """Add what each line says; return whether any says something."""
    any_line = False
    for line in run.text.split("\n"):
        entry = parse(line)
        if entry is not None:
            any_line = True
            found.times.setdefault(entry[0], []).append(entry[1])
    return any_line


def _record(line: str) -> tuple[str, int] | None:
    if raw := _RAW.match(line):
        return (raw[1], int(raw[2])) if int(raw[2]) else None
    matched = _RECORD.match(line)
    moment = _moment(f"{matched[2]} {matched[4]}") if matched else None
    if matched is None or moment is None:
        return None
    return matched[1], moment - offset(matched[3])


def _session(line: str) -> tuple[str, int] | None:
    matched = _SESSION.match(line)
    moment = _moment(matched[2]) if matched else None
    if matched is None or moment is None or matched[1] in ("reboot", "shutdown", "runlevel"):
        return None
    return matched[1], moment


def _logged(line: str, zone: str, now: datetime) -> tuple[str, int] | None:
    name, _, day = line.rpartition("@")
    if not name:
        return None
    if day.isascii() and day.isdigit():
        return name, int(day)
    if _SYSLOG.match(day):
        latest = timegm(now.timetuple()) + 86400
        years = (now.year + 1, now.year, now.year - 1)
        moments = [moment - offset(zone) for year in years if (moment := _moment(f"{day} {year}")) is not None]
        return next(((name, moment) for moment in moments if moment <= latest), None)
    try:
        moment_of = datetime.fromisoformat(day)
    except ValueError:
        return None
    return name, int((moment_of if moment_of.tzinfo else moment_of.replace(tzinfo=UTC)).timestamp())


def _moment(text: str) -> int | None:
    try:
        return timegm(strptime(text, "%b %d %H:%M:%S %Y"))
    except ValueError:
        return None


def offset(zone: str) -> int:
    """Return the seconds that a zone such as +0530 is ahead of UTC; zero for what is no zone."""
    if not re.fullmatch(r"[+-]\d{4}", zone):
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[3:]) * 60
    return -seconds if zone[0] == "-" else seconds
