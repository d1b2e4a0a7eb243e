"""The roster joined with accounts: who is named never depends on luck, and nobody who can get in is passed over."""

from __future__ import annotations

import struct
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.probe import Context, System
from hardencheck.model.roster import Person, Roster, Standing
from hardencheck.probes import all_probes
from hardencheck.probes.linux import last_logins, local_accounts
from hardencheck.probes.linux.last_logins import Logins, logins
from hardencheck.probes.linux.local_accounts import Account
from hardencheck.probes.output import END_OF_SECTION, PRELUDE, Output, Run, read
from tests.probes.cases import compose

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = (NOW.date() - date(1970, 1, 1)).days
VALUES = {"absconder_max_days": 3, "service_accounts": []}

NAMES = st.sampled_from(["ana", "Ben", "carl.diaz", "x7"])
PASSWORDS = st.sampled_from(["set", "locked", "empty"])
SHELLS = st.sampled_from(["/bin/bash", "/usr/sbin/nologin", "/bin/false", "", "/tmp/nologin"])
DAY = st.integers(0, TODAY + 400)
STATES = st.fixed_dictionaries(
    {
        "name": NAMES, "password": PASSWORDS, "shell": SHELLS, "keys": st.integers(0, 2), "running": st.booleans(),
        "expires": st.none() | DAY, "jobs": st.booleans(), "sudo": st.booleans(),
    }
)  # fmt: skip
PEOPLE = st.builds(
    Person,
    st.sampled_from("1234"),
    NAMES.map(str.upper) | NAMES,
    st.sampled_from(Standing),
    last_day=st.none() | st.dates(date(2026, 9, 1), date(2026, 12, 31)),
    absent_since=st.none() | st.dates(date(2026, 11, 1), date(2026, 11, 22)),
)


def observe(states: list[dict[str, Any]], people: list[Person]) -> Observation:
    """Return what the probe makes of a host with these accounts."""
    found = {state["name"]: {**state, "uid": 1000 + number} for number, state in enumerate(states)}
    accounts = list(found.values())

    def lines(*texts: str) -> dict[str, Any]:
        return {"text": "".join(f"{text}\n" for text in texts)}

    users = ", ".join(f'{{"username": "{each["name"]}"}}' for each in accounts if each["sudo"])
    runs = {
        "passwd": lines("root:x:0:0:/root:/bin/sh", *(f"{e['name']}:x:{e['uid']}:1:/:{e['shell']}" for e in accounts)),
        "shadow": lines("root:locked::::", *(f"{e['name']}:{e['password']}::::{_day(e['expires'])}" for e in accounts)),
        "nsswitch": lines("passwd: files"),
        "sssd": lines(),
        "keys": lines(*(f"{e['name']}:{e['keys']}" for e in accounts if e["keys"])),
        "sshd_settings": lines(),
        "groups": lines("root:0:"),
        "jobs": lines(*(f"crontab {e['name']}" for e in accounts if e["jobs"])),
        "processes": lines("0", *(str(e["uid"]) for e in accounts if e["running"])),
        "sudo": lines("/usr/bin/sudo"),
        "sudoers_file": lines(),
        "sudoers": lines(f'{{"User_Specs": [{{"User_List": [{users}]}}]}}'),
        "sudoers_directory": lines(),
        "last_records": lines("Username"),
        "terminal_logins": lines("wtmp begins Sun Nov  1 07:46:51 2026"),
        "journal_logins": lines("root@1"),
        "logged_logins": lines(),
        "ssh_servers": lines("/usr/sbin/sshd"),
        "zone": lines("+0000"),
    }
    capture = Capture("linux.roster", compose({"runs": runs}))
    context = Context(NOW, System("debian", uid=0), VALUES, "", Roster(tuple(people)))
    return all_probes()["linux.roster"].parse(capture, context)


def _day(day: int | None) -> str:
    return "" if day is None else str(day)


def _shut(state: dict[str, Any]) -> bool:
    if state["expires"] is not None and state["expires"] <= TODAY:
        return not state["running"]
    used = state["keys"] or state["jobs"] or state["sudo"] or state["running"]
    return state["password"] == "locked" and state["shell"] in ("/usr/sbin/nologin", "/bin/false") and not used


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(STATES, max_size=4, unique_by=lambda state: state["name"]), st.lists(PEOPLE, min_size=1, max_size=5))
def test_a_leaver_is_named_exactly_when_the_account_is_not_shut(
    states: list[dict[str, Any]], people: list[Person]
) -> None:
    found = observe(states, people)
    gone = {person.login.lower() for person in people if person.last_day and person.last_day < NOW.date()}
    expected = {state["name"] for state in states if state["name"].lower() in gone and not _shut(state)}
    assert {each.partition(" (")[0] for each in found.facts["leavers_enabled"]} == expected


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(STATES, max_size=4, unique_by=lambda state: state["name"]), st.lists(PEOPLE, min_size=1, max_size=5))
def test_the_order_of_lines_means_nothing(states: list[dict[str, Any]], people: list[Person]) -> None:
    assert observe(states, people) == observe(states[::-1], people[::-1])


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(STATES, max_size=4, unique_by=lambda state: state["name"]), st.lists(PEOPLE, min_size=1, max_size=5))
def test_every_open_account_is_somebodys_or_named(states: list[dict[str, Any]], people: list[Person]) -> None:
    found = observe(states, people).facts["accounts_off_roster"]
    logins_of_people = {person.login.lower() for person in people}
    for state in states:
        expired = state["expires"] is not None and state["expires"] <= TODAY
        opens = state["password"] != "locked" or state["keys"]
        enters = opens and not expired and state["shell"] not in ("/usr/sbin/nologin", "/bin/false")
        assert (state["name"] in found) == bool(enters and state["name"].lower() not in logins_of_people)


def account(**fields: Any) -> Account:
    return Account("a", 1000, 1000, "/bin/sh", "set", **fields)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, False),
        ({"expires": 0}, True),
        ({"expires": 1}, True),
        ({"expires": TODAY}, True),
        ({"expires": TODAY + 1}, False),
        ({"changed": TODAY - 41, "maximum": 30, "inactive": 10}, True),
        ({"changed": TODAY - 40, "maximum": 30, "inactive": 10}, False),
        ({"changed": TODAY - 41, "maximum": 30}, False),
        ({"changed": 0, "maximum": 30, "inactive": 10}, False),
        ({"changed": TODAY + 1, "maximum": 0, "inactive": 0}, False),
    ],
)
def test_whom_pam_refuses(fields: dict[str, int], refused: bool) -> None:
    """As pam_unix did with pamtester's acct_mgmt on Debian 12, `chage` having set the fields."""
    assert account(**fields).refused(TODAY) is refused


def output(**runs: str) -> Output:
    silent = {"last_records": 3, "terminal_logins": 3, "journal_logins": 3, "logged_logins": 0, "ssh_servers": 127}
    found = {label: Run("", status) for label, status in silent.items()} | {"zone": Run("+0000", 0)}
    return Output(found | {label: Run(text, 0) for label, text in runs.items()})


def at(*numbers: int) -> int:
    return int(datetime(*numbers, tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("label", "line", "expected"),
    [
        ("last_records", "ana  pts/0 10.77.0.1   Sun Nov  1 07:46:53 +0000 2026", at(2026, 11, 1, 7, 46, 53)),
        ("last_records", "ana  pts/0 10.77.0.1   Sun Nov  1 07:46:53 +0530 2026", at(2026, 11, 1, 2, 16, 53)),
        ("last_records", "ana@ 1790000000", 1790000000),
        ("last_records", "ana@ 0", None),
        ("last_records", "ana@", None),
        ("last_records", "ana   **Never logged in**", None),
        ("terminal_logins", "ana pts/0 h Fri Oct 30 23:59:59 2026 - Sat Oct 31", at(2026, 10, 30, 23, 59, 59)),
        ("journal_logins", "ana@1795333612", 1795333612),
        ("logged_logins", "ana@2026-11-22T07:46:52.949863+08:00", at(2026, 11, 21, 23, 46, 52)),
        ("logged_logins", "ana@Nov 22 07:46:52", at(2026, 11, 22, 7, 46, 52)),
        ("logged_logins", "ana@Dec 24 07:46:52", at(2025, 12, 24, 7, 46, 52)),
        ("logged_logins", "ana@Feb 29 07:46:52", None),
        ("logged_logins", "ana@yesterday", None),
    ],
)  # fmt: skip
def test_the_time_of_a_login(label: str, line: str, expected: int | None) -> None:
    found = logins(output(**{label: f"{line}\nwtmp begins Sun Nov  1 07:46:51 2026\n"}), NOW)
    assert found.times.get("ana") == ([expected] if expected else None)


@settings(deadline=None, derandomize=True, database=None)
@given(st.text(max_size=200), st.sampled_from(["last_records", "terminal_logins", "journal_logins", "logged_logins"]))
def test_any_text_is_survived(text: str, label: str) -> None:
    assert isinstance(logins(output(**{label: text}), NOW), Logins)


def run_script(script: str) -> Output:
    """Run a part of a script on this machine, and read what it says."""
    head = "LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexport LC_ALL PATH\n"
    text = f"{head}{PRELUDE}{script}\n{END_OF_SECTION}\n"
    done = subprocess.run(["sh"], input=text.encode(), capture_output=True, check=True, timeout=60)
    return read(Capture("linux.roster", done.stdout))


def test_keys_are_counted_where_sshd_looks_for_them(tmp_path: Path) -> None:
    home, odd = tmp_path / "a", tmp_path / "b & c"
    for folder in (home, odd):
        (folder / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "authorized_keys").write_text("# none\n\nssh-ed25519 AAAA one\n  ssh-rsa BBBB two\n")
    (odd / ".ssh" / "authorized_keys2").write_text("ssh-ed25519 CCCC")
    (tmp_path / "central").mkdir()
    (tmp_path / "central" / "ana").write_text("ssh-ed25519 DDDD\n")
    (home / ".ssh" / "authorized_keys2").mkdir()
    homes = {"ana": home, "odd": odd, "none": "/nowhere"}
    lines = [f"{name}:x:100{number}:1::{folder}:/bin/sh\n" for number, (name, folder) in enumerate(homes.items())]
    (tmp_path / "passwd").write_text("".join(lines))
    script = local_accounts.SCRIPT.replace("/etc/passwd", str(tmp_path / "passwd")).replace("/etc/shadow", "/nowhere")
    config = tmp_path / "sshd_config"
    script = script.replace("/etc/ssh/sshd_config ", f"{config} ")
    config.write_text(f'Include "{tmp_path}/*.conf" /nowhere/*\nAuthorizedKeysFile .ssh/authorized_keys\n')
    (tmp_path / "x.conf").write_text(f"Match User ana\n AuthorizedKeysFile={tmp_path}/central/%u\n")
    counts = {found.name: found.keys for found in local_accounts.accounts(run_script(script))}
    assert counts == {"ana": 3, "odd": 1, "none": 0}


def test_a_key_file_without_an_end_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    with (tmp_path / ".ssh" / "authorized_keys").open("w") as file:
        file.write("ssh-ed25519 AAAA one\n")
        file.truncate(2**40)
    (tmp_path / "passwd").write_text(f"ana:x:1001:1::{tmp_path}:/bin/sh\n")
    script = local_accounts.SCRIPT.replace("/etc/passwd", str(tmp_path / "passwd")).replace("/etc/shadow", "/nowhere")
    assert [found.keys for found in local_accounts.accounts(run_script(script))] == [1]


def test_lastlog_without_its_program_is_read_by_user_id(tmp_path: Path) -> None:
    lastlog = tmp_path / "lastlog"
    with lastlog.open("wb") as file:
        for uid, moment in ((1001, 1790000000), (4_000_000, 1790000001)):
            file.seek(uid * 292)
            file.write(struct.pack("=I32s256s", moment, b"pts/0", b"10.77.0.1"))
    passwd = "ana:x:1001:1001::/:/bin/bash\nben:x:1002:1::/:/bin/bash\nfar:x:4000000:1::/:/bin/bash\n"
    (tmp_path / "passwd").write_text(passwd)
    script = last_logins.SCRIPT.replace("/var/log/lastlog", str(lastlog)).replace("command -v lastlog ", "false ")
    script = script.replace("/etc/passwd", str(tmp_path / "passwd"))
    found = logins(run_script(script), NOW).times
    assert (found.get("ana"), found.get("ben"), found.get("far")) == ([1790000000], None, [1790000001])


def test_sshd_lines_of_syslog_are_told_from_what_users_can_write(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text(
        "Nov 20 10:00:00 h sshd[1]: Accepted publickey for ana from 10.0.0.1 port 1 ssh2\n"
        "Nov 21 10:00:00 h sshd[1]: Accepted password for ana from 10.0.0.1 port 1 ssh2\n"
        "Nov 21 11:00:00 h sshd[1]: Invalid user Accepted password for carl from 10.0.0.1\n"
        "Nov 21 11:00:00 h sudo[1]: Accepted publickey for carl from\n"
        "2026-11-22T07:46:52.949863+00:00 h sshd-session[9]: Accepted publickey for ben from 10.0.0.1 port 1\n"
    )
    script = last_logins.SCRIPT.replace("/var/log/auth.log ", f"{log} ")
    lines = run_script(script).run("logged_logins").text.splitlines()
    assert "ana@Nov 21 10:00:00" in lines
    assert "ben@2026-11-22T07:46:52.949863+00:00" in lines
    assert not any(line.startswith(("carl", "password")) for line in lines)


def test_midnight_ends_the_last_day_in_utc() -> None:
    person = Person("1", "a", Standing.LEFT, last_day=date(2026, 11, 21))
    assert person.gone(NOW.date())
    assert not person.gone(NOW.date() - timedelta(days=1))
