"""HR's roster of twelve people against three real hosts: exactly the accounts that should not be are found."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardencheck.model.roster import COLUMNS
from tests.end_to_end.conftest import Command, Done
from tests.lab.lab import USER, Host, Lab

TODAY = datetime.now(UTC).date()
RULES = (
    "linux-leavers-*", "linux-absconders-*", "linux-movers-*", "linux-vendor-*", "linux-accounts-on-roster",
    "linux-accounts-not-stale", "linux-logins-*", "linux-roster-*",
)  # fmt: skip
SELECT = [word for rule in RULES for word in ("--rule", rule)]


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


#: one line for each of the twelve, in the order of the columns
PEOPLE = {
    "at work": ("1", "ana", "active", "", "", "claims", "", ""),
    "on leave": ("2", "ben", "leave", "", "", "claims", "", ""),
    "left, and not everywhere closed": ("3", "Carl", "left", ago(2), "", "claims", "", ""),
    "absent for long": ("4", "dina", "active", "", ago(10), "billing", "", ""),
    "moved": ("5", "ed", "active", "", "", "claims", "", ""),
    "vendor without an end": ("6", "eva", "active", "", "", "", "Acme Telephony", ago(-200)),
    "vendor past the contract": ("7", "vic", "active", "", "", "", "Acme Telephony", ago(1)),
    "shares a login": ("8", "desk7", "active", "", "", "claims", "", ""),
    "shares it too": ("9", "desk7", "active", "", "", "claims", "", ""),
    "without an account": ("10", "gus", "active", "", "", "billing", "", ""),
    "left long ago": ("11", "lea", "left", ago(400), "", "billing", "", ""),
    "absent for two days": ("12", "hal", "active", "", ago(2), "billing", "", ""),
}
PREPARE = r"""
for name in agent1 agent2 itadmin; do userdel -r "$name" 2>/dev/null; done
groupadd claims
groupadd billing
new() { # new [USERADD-OPTION..] NAME: an account with a password
  useradd -m -s /bin/bash "$@"
  for name; do :; done
  echo "$name:$(cat /proc/sys/kernel/random/uuid)" | chpasswd -c YESCRYPT
}
lock() { # what many take for closing an account, while its key stays
  usermod --lock "$1"
  mkdir -m 700 "/home/$1/.ssh"
  cp /home/svc_hc/.ssh/authorized_keys "/home/$1/.ssh/"
  chown -R "$1:" "/home/$1/.ssh"
}
"""
SETUP = {
    "claims": "new -G claims ana; new ben; new carl; lock carl; new -G claims ed; new desk7",
    "billing": "new -G billing dina; new -G claims,billing ed; new hal; new carl; chage -E 1 carl",
    "": f"new eva; new vic; chage -E {ago(-30)} vic; new test2; new -G sudo ana; useradd -r -s /bin/bash backupd",
}


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> list[Host]:
    """Three hosts: a desk of claims, a desk of billing, and a server of no process unit."""
    found = lab.fresh(3, "good", mode="systemd")
    for host, commands in zip(found, SETUP.values(), strict=True):
        lab.run_in(host, "sh", "-euc", f"{PREPARE}{commands}")
    return found


@pytest.fixture
def inventory(lab: Lab, hosts: list[Host], tmp_path: Path) -> Path:
    path = tmp_path / "desks.ini"
    text = lab.inventory_of(*hosts).read_text()
    for host, unit in zip(hosts, SETUP, strict=True):
        if unit:
            text = re.sub(rf"^{host.name} ", f"{host.name} process_unit={unit} ", text, flags=re.MULTILINE)
    path.write_text(text)
    return path


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text("".join(";".join(row) + "\r\n" for row in [COLUMNS, *PEOPLE.values()]), encoding="utf-8-sig")
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(f"values: {{service_accounts: [{USER}]}}\n")
    return path


def fails(done: Done, host: Host) -> dict[str, list[str]]:
    """Return whom each failing rule names on a host."""
    assert done.err == "", done.err
    found = [result for result in done.host(host.name)["results"] if result["outcome"] == "fail"]
    return {result["rule_id"]: result["reasons"][0]["observed"] for result in found}


def test_twelve_people_on_three_hosts(
    lab: Lab, command: Command, hosts: list[Host], inventory: Path, roster: Path, site: Path
) -> None:
    claims, billing, server = hosts
    # a locked password does not keep an SSH key out: the leaver logs in, today
    key = ("-i", lab.key, "-o", f"UserKnownHostsFile={lab.known_hosts}", "-o", "BatchMode=yes")
    lab.exec("ssh", *map(str, key), f"carl@{claims.address}", "true")
    # systemd keeps the user manager of a session that has ended for some seconds
    lab.run_in(claims, "sh", "-c", "loginctl terminate-user carl; while pgrep -u carl >/dev/null; do sleep 0.1; done")

    sweep = ("sweep", "-i", inventory, "--roster", roster, "--tailoring", site, *SELECT, "--format", "json")
    done = command(*sweep, prefix=lab.exec_prefix)
    assert done.code == 1
    assert fails(done, claims) == {
        "linux-leavers-disabled": ["carl (login shell, 1 SSH key)"],
        "linux-leavers-not-seen": [f"carl (on {TODAY})"],
        "linux-logins-belong-to-one-person": ["desk7 (2 people)"],
    }
    assert fails(done, billing) == {
        "linux-absconders-disabled": ["dina (password not locked, login shell)"],
        "linux-movers-left-old-groups": ["ed (group billing)"],
        "linux-roster-logins-have-accounts": ["gus"],
    }
    assert fails(done, server) == {
        "linux-vendor-accounts-expire": ["eva (never expires)"],
        "linux-vendor-contracts-current": ["vic (password not locked, login shell)"],
        "linux-accounts-on-roster": ["test2"],
    }
    for host in hosts:
        outcomes = done.outcomes(host.name)
        assert set(outcomes.values()) <= {"pass", "fail", "notapplicable"}
        assert (outcomes["linux-roster-logins-have-accounts"] == "notapplicable") is (host is server)

    again = command("rejudge", "--format", "json")
    assert again.err.splitlines()[-1] == "every result is as it was stored"
    assert again.out == command("report", "--format", "json").out
    digest = command("roster", "check", roster).out.split()[-1]
    assert done.json["sweep"]["roster_digest"] == digest


def test_what_hr_knows_is_neither_sent_nor_reported(
    lab: Lab, command: Command, inventory: Path, roster: Path, site: Path
) -> None:
    roster.write_text(roster.read_text("utf-8-sig").replace("11;lea", "E-4711;lea"))
    reports = [
        command("sweep", "-i", inventory, "--roster", roster, "--tailoring", site, *SELECT, prefix=lab.exec_prefix)
    ]
    reports += [command("report", "--format", format) for format in ("table", "json", "csv")]
    reports += [command("doctor", "--show-script")]
    for report in reports:
        words = set(re.findall(r"[\w-]+", report.out + report.err))
        assert not words & {"lea", "E-4711"}
        assert "Acme Telephony" not in report.out + report.err
