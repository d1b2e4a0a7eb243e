"""File integrity products: AIDE, Samhain, Tripwire; whether each has a database and looks at it on a schedule.

AIDE (aide.conf(5)): `database_in`, before 0.17 `database`, names the database that is compared with; a file that does
not begin like one is none. `aide --init` writes `database_out` (aide.db.new): until somebody puts it in place, nothing
is compared. Debian's timer is dailyaidecheck.timer; its /etc/cron.daily/aide leaves at once when systemd runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from hardencheck.model.probe import Question
from hardencheck.probes.linux import software
from hardencheck.probes.output import PRELUDE, Output

PACKAGES = ("aide", "samhain", "tripwire")

#: What the script asks software.SCHEDULE.
JOBS = "aide|AIDE|tripwire|/run/systemd/system|CRON_DAILY_RUN"

#: Items: settings, databases and reports.
FILES = Question(
    "integrity",
    PRELUDE
    + r"""
stats() {
  command -v stat >/dev/null || return 127
  for path do
    [ ! -f "$path" ] || set -- "$@" "$path"
    shift
  done
  [ "$#" -eq 0 ] || stat -c '%Y %s %n' "$@"
}
program() {
  for path in /usr/bin/aide /usr/sbin/aide /usr/local/bin/aide /usr/local/sbin/aide; do
    [ ! -x "$path" ] || echo "$path"
  done
}
settings() {
  [ -f /etc/aide/aide.conf ] || [ -f /etc/aide.conf ] || return 1
  grep -h -s -E '^[[:space:]]*(database(_in)?[[:space:]]*=|@@define[[:space:]])' /etc/aide/aide.conf /etc/aide.conf
}
heads() {
  for path do [ ! -f "$path" ] || printf '%s %s\n' "$(head -c 10 "$path" | od -A n -t x1 | tr -d ' \n')" "$path"; done
}
run aide_settings settings
run aide_heads heads /var/lib/aide/*db /var/lib/aide/*db.gz /var/lib/aide.db*
run aide_program program
run databases stats /var/lib/aide/* /var/lib/aide.db* /var/lib/samhain/samhain_file /var/lib/tripwire/*.twd
run reports stats /var/log/aide/aide.log /var/lib/tripwire/report/*.twr /var/log/samhain/samhain.log
files /etc/default/aide
read_later
""",
    max_bytes=120_000,
)

#: The items that this module reads; the script also needs software.FUNCTIONS.
SCRIPT = f"""
answer integrity
run cron running 'cron|crond|fcron|anacron|samhain'
run scheduled scheduled '{JOBS}'
"""
ASKS: dict[Question, tuple[str, ...]] = {FILES: (), software.PROCESSES: (), software.SCHEDULE: (JOBS,)}

_AIDE = re.compile(
    r"[\w.@-]*aide[\w.@-]*\.timer|dailyaidecheck|\baide(?:\.wrapper)?\b.*(?:--check|--update|\s-C\b|\s-u\b)"
)
_TRIPWIRE = re.compile(r"\btripwire(?:\.timer|\b.*(?:--check|\s-m\s*c))")
#: how a database of AIDE begins: `@@begin_db`, or gzip's mark
_AIDE_HEADS = ("4040626567696e5f6462", "1f8b")
_MACRO = re.compile(r"@@\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Integrity:
    """One product: its database's path and time ("" and None without one), its schedule, its last report's time.

    `unclear` says what could not be told.
    """

    product: str
    database: str
    written: datetime | None
    scheduled: str
    reported: datetime | None
    unclear: str = ""

    @property
    def working(self) -> bool:
        """Whether there is a database, and something compares with it regularly."""
        return bool(self.database and self.scheduled and not self.unclear)

    @property
    def problem(self) -> str:
        """What is wrong, for people."""
        wrong = ["no database"] * (not self.database) + ["no schedule"] * (not self.scheduled)
        return self.unclear or " and ".join(wrong)


def products(output: Output, installed: frozenset[str], zone: datetime) -> list[Integrity]:
    """Return the products that are installed or have a database, the working ones first; `zone` gives the time zone."""
    databases, reports = _times(output, "databases", zone), _times(output, "reports", zone)
    running = software.processes(output.run("cron")) or frozenset()
    cron = bool(running - {"samhain"})
    found = []
    if "aide" in installed or output.run("aide_settings").status == 0:
        path, unclear = _aide_database(output, databases)
        when = software.schedule(output, _AIDE, cron_runs=cron) if output.run("aide_program").text.strip() else ""
        if re.search(r"^\s*CRON_DAILY_RUN=[\"']?no", output.files.get("/etc/default/aide", ""), re.MULTILINE):
            when = "" if when == "/etc/cron.daily/aide" else when
        found.append(Integrity("aide", path, databases.get(path), when, _last(reports, "aide"), unclear))
    if "samhain" in installed:
        path = "/var/lib/samhain/samhain_file"
        when = "samhain runs as a daemon" if "samhain" in running else ""
        path = path if path in databases else ""
        found.append(Integrity("samhain", path, databases.get(path), when, _last(reports, "samhain")))
    if "tripwire" in installed:
        path = next((name for name in databases if name.endswith(".twd")), "")
        when = software.schedule(output, _TRIPWIRE, cron_runs=cron)
        found.append(Integrity("tripwire", path, databases.get(path), when, _last(reports, "tripwire")))
    return sorted(found, key=lambda one: not one.working)


def _times(output: Output, label: str, zone: datetime) -> dict[str, datetime]:
    """Return the time of every file that is not empty, by path."""
    found = {}
    for line in output.run(label).lines:
        seconds, size, path = line.split(" ", 2)
        if int(size) > 0:
            found[path] = datetime.fromtimestamp(int(seconds), zone.tzinfo)
    return found


def _last(reports: dict[str, datetime], word: str) -> datetime | None:
    return max((time for path, time in reports.items() if word in path), default=None)


def _aide_database(output: Output, databases: dict[str, datetime]) -> tuple[str, str]:
    """Return the path of AIDE's database, and why it could not be told."""
    macros: dict[str, str] = {}
    named = "file:/var/lib/aide/aide.db"
    for line in output.run("aide_settings").lines:
        words = line.split()
        if words[0] == "@@define" and len(words) == 3:
            macros[words[1]] = words[2]
        elif "=" in line:
            named = line.partition("=")[2].strip()
    path = _MACRO.sub(lambda found: macros.get(found[1], ""), named).removeprefix("file:")
    if output.run("databases").missing:
        return "", "stat is not installed"
    lines = output.runs["aide_heads"].lines if "aide_heads" in output.runs else []
    heads = [head for line in lines if (head := line.split(" ", 1)[0]) and line.endswith(f" {path}")]
    if path in databases and not (heads and not heads[0].startswith(_AIDE_HEADS)):
        return path, ""
    if path.startswith(("/var/lib/aide/", "/var/lib/aide.db")):
        return "", ""
    return "", f"aide's database is {named}, which was not looked at"
