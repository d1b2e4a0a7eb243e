"""The accounts and rights of Windows: whatever a host answers, nobody is passed over and nothing unseen is good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.evaluate.observe import observe
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Status
from hardencheck.model.probe import Context, System, WindowsSystem
from hardencheck.model.roster import Roster
from hardencheck.probes import all_probes
from tests.probes.cases import WINDOWS_11, compose_windows

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MACHINE = "S-1-5-21-11-22-33"
LSA = {"lsa": "SYSTEM\\CurrentControlSet\\Control\\Lsa"}
PROBES = ("account_policy", "user_rights", "local_account_logon", "local_accounts", "administrators", "laps", "roster")
ITEMS = (
    "policy",
    "lsa",
    "users",
    "flags",
    "members",
    "mdm",
    "gpo",
    "local",
    "legacy",
    "entra",
    "program",
    "success",
    "zone",
)
VALUES: dict[str, Any] = {
    "windows_remote_logon_allowed": [],
    "windows_approved_admins": ["LAB\\Desk Admins", "itadmin", "S-1-5-21-*-512"],
    "service_accounts": [],
    "stale_account_max_days": 35,
    "absconder_max_days": 3,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(["LAB/Desk Admins", "LAB/itadmin", "LAB/Domain Users", "", "LAB/PC1/itadmin"])
WORDS = st.sampled_from(
    ["[System Access]", "[Privilege Rights]", "[Version]", "[]", "", "=", "LockoutBadCount = 3", "LockoutBadCount = -3",
     "LockoutDuration = 99999999999", "MinimumPasswordLength = 14", "MinimumPasswordLength = ١٤", "SeTcbPrivilege =",
     "SeTcbPrivilege = *S-1-1-0", "EnableGuestAccount = 0", "NewGuestName = \"\"", "NewGuestName = \ud800"]
)  # fmt: skip


def ask(name: str, items: dict[str, Any], **system: Any) -> Observation:
    """Return what a probe makes of these items."""
    probe = all_probes()[f"windows.{name}"]
    registry = LSA if name == "account_policy" else {}
    context = Context(
        NOW, System("windows", windows=WindowsSystem(**{**WINDOWS_11, **system})), VALUES, roster=Roster(())
    )
    return observe(probe, Capture(probe.id, compose_windows({"items": items, "registry": registry})), context)


def user(rid: int, name: str, **more: Any) -> dict[str, Any]:
    """Return one account as Get-LocalUser's item has it."""
    times = dict.fromkeys(("logon", "password", "expires"))
    return {"sid": f"{MACHINE}-{rid}", "name": name, "enabled": True, "source": 1, **times, **more}


USERS = [user(500, "Administrator"), user(501, "Guest", enabled=False), user(1001, "itadmin")]


@given(st.sampled_from(PROBES), st.dictionaries(st.sampled_from(ITEMS), JSON))
def test_a_hostile_answer_never_breaks_a_parser(name: str, items: dict[str, Any]) -> None:
    observation = ask(name, {item: None for item in ITEMS if item != "lsa" or name != "account_policy"} | items)
    assert "the parser failed" not in observation.reason


@given(st.sampled_from(("account_policy", "user_rights")), st.lists(WORDS, max_size=8), st.integers(-1, 3))
def test_an_export_says_nothing_unless_it_is_whole(name: str, lines: list[str], status: int) -> None:
    observation = ask(name, {"policy": {"status": status, "lines": lines}})
    assert "the parser failed" not in observation.reason
    if status != 0 or "[Version]" not in lines:
        assert set(observation.facts) <= {"blank_passwords_limited"}
    assert observation.facts.get("min_length") in (None, 14)


@given(st.lists(st.tuples(MEMBERS, st.booleans()), max_size=5), st.booleans(), st.booleans())
def test_a_member_is_approved_or_named_or_leaves_the_list_open(
    found: list[tuple[str, bool]], whole: bool, entra: bool
) -> None:
    prefix = "S-1-12-1-5-6-7" if entra else "S-1-5-21-5-6-7"
    members: list[dict[str, Any]] = []
    for at, (path, readable) in enumerate(found, 1101):
        sid = f"{MACHINE}-1001" if "PC1" in path else f"{prefix}-{at}"
        about = {"sid": sid if readable else None, "path": f"WinNT://{path or sid}", "class": "User", "fault": None}
        members.append(about if readable else about | {"fault": "System.Runtime.InteropServices.COMException"})
    members.append({"sid": f"{MACHINE}-500", "path": "WinNT://LAB/PC1/Administrator", "class": "User", "fault": None})
    fault = None if whole else "System.Runtime.InteropServices.COMException"
    body = {"fault": fault, "count": len(members), "members": members}
    observation = ask("administrators", {"users": USERS, "members": body})
    strangers = [
        path
        for path, readable in found
        if (readable and path in ("LAB/itadmin", "LAB/Domain Users")) or (entra and not path)
    ]
    sure = [path == "LAB/Desk Admins" or (readable and path == "LAB/PC1/itadmin") for path, readable in found]
    if strangers:
        assert len(observation.facts["unapproved_administrators"]) == len(strangers)
    elif whole and all(sure):
        assert observation.facts == {"unapproved_administrators": []}
    else:
        assert observation.status is Status.NOT_COLLECTED


@pytest.mark.parametrize("missing", [500, 501])
def test_a_list_without_a_built_in_account_is_not_whole(missing: int) -> None:
    users = [each for each in USERS if each["sid"] != f"{MACHINE}-{missing}"]
    for name, items in (
        ("local_accounts", {"flags": []}),
        ("administrators", {"members": None}),
        ("roster", {"zone": 0}),
    ):
        assert ask(name, {"users": users, **items}).status is Status.NOT_COLLECTED


def test_accounts_of_two_machines_are_no_list() -> None:
    users = [*USERS, user(1002, "x", sid="S-1-5-21-9-9-9-1002")]
    assert ask("roster", {"users": users, "zone": 0}).status is Status.NOT_COLLECTED


def test_offenders_are_capped_and_the_rest_is_counted() -> None:
    users = [*USERS, *(user(rid, f"u{rid}") for rid in range(2000, 2040))]
    flags = [{"sid": each["sid"], "expires": False, "required": True} for each in users]
    found = ask("local_accounts", {"users": users, "flags": flags}).facts["accounts_without_expiry"]
    assert len(found) == 21
    assert found[-1] == "and 22 more"
