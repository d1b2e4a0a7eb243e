"""What an account is used for besides logging in: rights in sudoers, jobs that run on their own, running processes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.local_accounts import Account
from hardencheck.probes.output import Output

#: systemd starts a service with `User=` whether or not the account has expired, and asks no PAM.
UNITS = "services of systemd in this name"

#: Jobs are named by kind and owner (a name, or the user id of at jobs), processes by user id alone.
SCRIPT = r"""
jobs() {
  for file in /var/spool/cron/crontabs/* /var/spool/cron/tabs/* /var/spool/cron/*; do
    [ -f "$file" ] && grep -q '^[[:space:]]*[^#[:space:]]' "$file" && printf 'crontab %s\n' "${file##*/}"
  done
  for file in /var/lib/systemd/linger/*; do
    [ -e "$file" ] && printf 'linger %s\n' "${file##*/}"
  done
  for folder in /var/spool/cron/atjobs /var/spool/at /var/spool/atjobs; do
    # shellcheck disable=SC2012 # only the third column is used
    [ -d "$folder" ] && ls -ln "$folder" 2>/dev/null | awk '$1 ~ /^-/ { print "at " $3 }'
  done
  for file in /etc/systemd/system/*.service /etc/systemd/system/*.service.d/*.conf; do
    [ -f "$file" ] && sed -n 's/^[[:space:]]*User[[:space:]]*=[[:space:]]*\([^[:space:]]*\).*/unit \1/p' "$file"
  done
  cat /etc/crontab /etc/cron.d/* 2>/dev/null | awk '$1 ~ /^@/ { print "crontab " $2 }
    $1 ~ /^[0-9*]/ && NF > 6 { print "crontab " $6 }'
  return 0
}
processes() {
  cat /proc/[0-9]*/status 2>/dev/null | awk '$1 == "Uid:" { print $2; print $3 }' | sort -un
}
owned_jobs() { jobs | sort -u; }
run jobs owned_jobs
run processes processes
run sudo sh -c 'command -v sudo'
run sudoers_file sh -c '[ -e /etc/sudoers ]'
run sudoers cvtsudoers -c /dev/null -e -f json /etc/sudoers
run sudoers_directory sh -c 'grep -i "^[[:space:]]*sudoers:" /etc/nsswitch.conf'
"""


@dataclass(slots=True)
class Uses:
    """Who has jobs (kinds by name or user id), which user ids run processes, and whom sudoers names.

    `sudo_unknown` says why rights in sudoers cannot be told; empty when they can.
    """

    jobs: dict[str, set[str]] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    sudoers: set[str] = field(default_factory=set)
    sudo_unknown: str = ""

    def of(self, account: Account, groups: set[str]) -> list[str]:
        """Return in words what still goes on in this account's name."""
        kinds = self.jobs.get(account.name, set()) | self.jobs.get(str(account.uid), set())
        words = {"crontab": "jobs of cron", "at": "at jobs", "linger": "a lingering user manager", "unit": UNITS}
        found = [words[kind] for kind in sorted(kinds)]
        names = {account.name, f"#{account.uid}", f"%#{account.gid}", "ALL", *(f"%{group}" for group in groups)}
        if names & self.sudoers:
            found.append("rights in sudoers")
        if account.uid in self.running:
            found.append("running processes")
        return found


def uses(output: Output) -> Uses:
    """Return what all accounts are used for; raises CaptureUnreadable when processes were not listed."""
    found = Uses()
    for line in output.run("jobs").text.split("\n"):
        kind, _, owner = line.partition(" ")
        if kind in ("crontab", "at", "linger", "unit"):
            found.jobs.setdefault(owner, set()).add(kind)
    found.running = {int(line) for line in output.run("processes").lines if line.isascii() and line.isdigit()}
    if not found.running:
        raise CaptureUnreadable("no process was listed, not even the collector's own")
    sudoers = output.run("sudoers")
    if sudoers.status == 0:
        found.sudoers = set(_named(sudoers.text))
        if {"ldap", "sss", "nis", "nisplus"} & set(output.run("sudoers_directory").text.replace(":", " ").split()):
            found.sudo_unknown = "sudoers also come from a directory"
    elif output.run("sudo").status == 0 or output.run("sudoers_file").status == 0:
        found.sudo_unknown = "sudoers cannot be read (cvtsudoers)"
    return found


def _named(text: str) -> list[str]:
    """Return every user (`NAME`, `#UID`) and group (`%NAME`, `%#GID`) that a rule of sudoers names."""
    kinds = {"username": "", "userid": "#", "usergroup": "%", "usergid": "%#"}
    try:
        specs: list[Any] = json.loads(text).get("User_Specs", [])
        members = [member for spec in specs for member in spec["User_List"] if not member.get("negated")]
        return [f"{kinds[kind]}{member[kind]}" for member in members for kind in kinds if kind in member]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise CaptureUnreadable(f"cvtsudoers wrote something else than sudoers: {type(error).__name__}") from None
