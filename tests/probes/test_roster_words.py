"""A roster that was cut down to some hosts judges them as the whole one does, and tells nothing of others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, System, WindowsSystem
from hardencheck.model.roster import Person, Roster, Standing, unit_key
from hardencheck.model.wording import WITHHELD
from hardencheck.probes import all_probes
from hardencheck.probes.roster_words import READERS, directory_in, tokens_of
from tests.probes.cases import Case, all_cases, compose, compose_windows

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VALUES = {
    "absconder_max_days": 3, "service_accounts": [], "unit_groups": ["Night=voice", "Day=ana"],
    "stale_account_max_days": 90, "vendor_account_patterns": ["ext-*"], "vendor_expiry_max_days": 90,
}  # fmt: skip
UNITS = ["", "Claims UK", "claims-uk", "Globex", "billing", "Night", "withheld", "voice"]
STRANGERS = (
    Person("S1", "zz.left", Standing.LEFT, last_day=date(2026, 1, 31), process_unit="Globex Secret"),
    Person("S2", "zz.absent", Standing.ACTIVE, absent_since=date(2026, 2, 1), process_unit="Globex Secret"),
    Person("S3", "zz-vendor", Standing.ACTIVE, vendor="Globex Phones", contract_end=date(2026, 3, 1)),
    Person("S4", "zz.both", Standing.ACTIVE, process_unit="Globex Secret"),
    Person("S5", "zz.both", Standing.LEFT, last_day=date(2026, 4, 1)),
)


def narrowed(roster: Roster, captures: list[Capture], unit: str, pairs: list[str]) -> Roster:
    """Return the roster as it is handed out with these captures: read back from its bytes."""
    named = [pair.rpartition("=")[0] for pair in pairs]
    found = roster.narrowed(tokens_of(captures), [unit], named, directory=directory_in(captures))
    return Roster.from_bytes(found.to_bytes())


@pytest.mark.parametrize(
    "case", [each for each in all_cases() if each.context.roster], ids=lambda each: f"{each.probe_id}: {each.name}"
)
def test_every_recorded_host_is_judged_as_with_the_whole_roster(case: Case) -> None:
    assert case.context.roster is not None
    parse = all_probes()[case.probe_id].parse
    for whole in (case.context.roster, Roster((*case.context.roster.people, *STRANGERS))):
        cut = narrowed(whole, [case.capture], case.context.unit, case.context.values.get("unit_groups", []))
        context = replace(case.context, roster=whole)
        assert told(parse, case.capture, replace(context, roster=cut)) == told(parse, case.capture, context)
        assert b"zz" not in cut.to_bytes()
        assert b"Globex" not in cut.to_bytes()


def told(parse: Any, capture: Capture, context: Context) -> Observation | str:
    try:
        found: Observation = parse(capture, context)
    except CaptureUnreadable as error:
        return repr(error)
    return found


def test_all_probes_that_look_into_the_roster_are_known() -> None:
    class Watched(Roster):
        def __getattribute__(self, name: str) -> Any:
            if name in ("people", "by_account", "digest", "to_bytes"):
                looked.add(case.probe_id)
            return super().__getattribute__(name)

    looked: set[str] = set()
    for case in all_cases():
        told(all_probes()[case.probe_id].parse, case.capture, replace(case.context, roster=Watched(STRANGERS)))
    assert looked == READERS


LOGINS = st.sampled_from(["ana", "Ana", "ben", "Carl.Diaz", "dina-x", "x7$", "voice", "far.away", "far.off"])
DAYS = st.dates(date(2026, 11, 1), date(2026, 12, 10))
PEOPLE = st.lists(
    st.builds(
        Person,
        st.sampled_from(["1", "2", "3"]),
        LOGINS,
        st.sampled_from(Standing),
        last_day=st.none() | DAYS,
        absent_since=st.none() | DAYS,
        process_unit=st.sampled_from(UNITS),
        vendor=st.sampled_from(["", "Phones Inc"]),
        contract_end=st.none() | DAYS,
    ),
    min_size=1,
    max_size=9,
)
HOSTS = st.fixed_dictionaries(
    {
        "accounts": st.lists(st.sampled_from(["ana", "BEN", "carl.diaz", "x7$", "stranger"]), max_size=4, unique=True),
        "seen": st.lists(st.sampled_from(["ana", "carl.diaz", "gone.one", "far.off"]), max_size=2),
        "groups": st.lists(
            st.tuples(
                st.sampled_from(["claims-uk", "claims_uk", "billing", "voice", "withheld", "globex", "other"]),
                st.sampled_from(["ana", "BEN,ana", "carl.diaz", "", "far.away"]),
            ),
            max_size=4,
        ),
        "directory": st.booleans(),
        "password": st.sampled_from(["set", "locked"]),
        "shell": st.sampled_from(["/bin/sh", "/usr/sbin/nologin"]),
        "authority": st.booleans(),
        "logged": st.booleans(),
        "zone": st.sampled_from(["+0000", "-0800", "+0530"]),
    }
)


def linux(host: dict[str, Any], probe_id: str) -> Capture:
    """Return what a Linux host would send of itself."""
    accounts = list(enumerate(host["accounts"]))
    groups = [f"{name}:{1500 + number}:{members}" for number, (name, members) in enumerate(host["groups"])]

    def lines(*texts: str) -> dict[str, Any]:
        return {"text": "".join(f"{text}\n" for text in texts)}

    runs = {
        "passwd": lines("root:x:0:0:/root:/bin/sh", *(f"{a}:x:{1000 + n}:1:/:{host['shell']}" for n, a in accounts)),
        "shadow": lines("root:locked::::", *(f"{a}:{host['password']}::::" for _, a in accounts)),
        "nsswitch": lines("passwd: files ldap" if host["directory"] else "passwd: files"),
        "sssd": lines(),
        "keys": lines(),
        "sshd_settings": lines(*(["trustedusercakeys /etc/ssh/ca"] if host["authority"] else [])),
        "groups": lines("root:0:", *groups),
        "jobs": lines(),
        "processes": lines("0"),
        "sudo": {"status": 1},
        "sudoers_file": {"status": 1},
        "sudoers": {"status": 127},
        "sudoers_directory": lines(),
        "last_records": lines("Username") if host["logged"] else {"status": 3},
        "terminal_logins": lines("wtmp begins Sun Nov  1 07:46:51 2026") if host["logged"] else {"status": 3},
        "journal_logins": lines(*(f"{name}@{int(NOW.timestamp())}" for name in host["seen"])),
        "logged_logins": lines(),
        "ssh_servers": lines("/usr/sbin/sshd"),
        "zone": lines(host["zone"]),
    }
    return Capture(probe_id, compose({"runs": runs}))


def windows(host: dict[str, Any]) -> Capture:
    """Return what a Windows host would send of itself."""
    names = [(500, "Administrator"), (501, "Guest"), *enumerate(host["accounts"], 1001)]
    users = [
        {"sid": f"S-1-5-21-1-2-3-{rid}", "name": name, "enabled": host["password"] == "set", "source": 1,
         "logon": "2026-11-21T12:00:00Z" if host["logged"] else None, "password": None, "expires": None}
        for rid, name in names
    ]  # fmt: skip
    return Capture("windows.roster", compose_windows({"items": {"users": users, "zone": -480}}))


@given(st.lists(HOSTS, min_size=1, max_size=2), PEOPLE, st.sampled_from(UNITS))
def test_any_host_is_judged_as_with_the_whole_roster(
    hosts: list[dict[str, Any]], people: list[Person], unit: str
) -> None:
    whole = Roster(tuple(people))
    probes = sorted(READERS - {"windows.roster"})
    captures = [linux(host, probe_id) for host in hosts for probe_id in probes] + [windows(host) for host in hosts]
    cut = narrowed(whole, captures, unit, VALUES["unit_groups"])  # type: ignore[arg-type]
    systems = {
        Platform.LINUX: System("debian", uid=0),
        Platform.WINDOWS: System(windows=WindowsSystem(role="workstation")),
    }
    for capture in captures:
        probe = all_probes()[capture.probe_id]
        for now in (NOW, datetime(2026, 11, 30, 3, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
            context = Context(now, systems[probe.platform], VALUES, unit, whole)
            assert probe.parse(capture, replace(context, roster=cut)) == probe.parse(capture, context)
    assert len(cut.people) <= len(people) + 4
    tokens = tokens_of(captures)
    for person in cut.people:
        same = whole.by_account.get(person.account, ())
        of_unit = any(unit_key(each.process_unit) == unit_key(unit) for each in same)
        assert person.login.startswith(WITHHELD) or person.account in tokens or (unit and of_unit)


def test_a_roster_that_is_all_of_these_hosts_stays_as_it_is() -> None:
    roster = Roster((Person("1", "Ana", Standing.ACTIVE, process_unit="Claims UK"), Person("2", "ben", Standing.LEFT)))
    assert roster.narrowed({"ana", "ben"}, ["claims-uk"]).digest == roster.digest


def test_another_unit_is_withheld_and_a_unit_that_names_a_group_here_is_not() -> None:
    roster = Roster((Person("1", "ana", Standing.ACTIVE, process_unit="Globex"), STRANGERS[0]))
    (ana,) = roster.narrowed({"ana", "billing"}, ["Claims"], directory=False).people
    assert ana == Person("1", "ana", Standing.ACTIVE, process_unit=WITHHELD)
    (ana,) = roster.narrowed({"ana", "globex"}, ["Claims"], directory=False).people
    assert ana.process_unit == "Globex"
    (ana,) = roster.narrowed({"ana"}, ["Claims"], ["GLOBEX"], directory=False).people
    assert ana.process_unit == "Globex"
    (ana,) = roster.narrowed({"ana", "withheld"}, ["Claims"], directory=False).people
    assert ana.process_unit == f"{WITHHELD} 2", "the word that stands for it must not be a group's name"


def test_without_a_directory_nobody_stands_for_the_people_left_out() -> None:
    assert Roster(STRANGERS).narrowed({"ana"}, ["Claims"], directory=False).people == ()
    stand_ins = Roster(STRANGERS).narrowed({"ana"}, ["Claims"]).people
    assert {each.login for each in stand_ins} == {WITHHELD, *(f"{WITHHELD} {number}" for number in (2, 3, 4))}
    assert all(each.employee_id.startswith(WITHHELD) and not each.process_unit for each in stand_ins)


def test_of_many_people_left_out_few_remain() -> None:
    alone = [replace(STRANGERS[number % 3], login=f"zz{number}", employee_id=f"a{number}") for number in range(3_000)]
    shared = [
        replace(each, login=f"yy{number}", employee_id=f"{each.employee_id}-{number}")
        for number in range(1_000)
        for each in STRANGERS[3:]
    ]
    assert len(Roster((*alone, *shared)).narrowed(set(), []).people) == 5


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("ana.cruz:x:1000", "ana.cruz"),
        ("staff:1000:ben,ANA.Cruz", "ana.cruz"),
        ('{"name":"Ana.Cruz"}', "ana.cruz"),
        ('{"name":"CORP\\\\nina"}', "nina"),
        ("CORP\\nina", "nina"),
        ('{"name":"an\\u0061"}', "ana"),
        ("\u212aim@1700000000", "kim"),
        ('{"name":"\\u212aim"}', "kim"),
        ("x7$ pts/0", "x7$"),
        ("claims+uk:1001:", "claims+uk"),
    ],
)
def test_a_login_is_a_token_however_it_is_written(text: str, token: str) -> None:
    assert token in tokens_of([Capture("linux.roster", text.encode())])


def test_a_login_that_only_another_probe_shows_is_nobody_here() -> None:
    assert tokens_of([Capture("linux.sudo", b"ana ALL=(ALL) ALL")]) == frozenset()


def test_a_section_that_cannot_be_read_may_tell_of_a_directory() -> None:
    assert directory_in([Capture("linux.roster", b"cut off")])
    assert not directory_in([Capture("windows.roster", b"cut off"), Capture("linux.sudo", b"cut off")])
