"""What a Windows host answers to the guard is taken only when it is exactly what was asked for."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import Settled, Snapshot
from hardencheck.remediate import guard_windows as guard
from tests.remediate.test_guard_answers import SHA, answer

KEY = r"HKLM:\SYSTEM\CurrentControlSet\Control\Lsa"
NEW = r"HKLM:\SOFTWARE\Policies\New\Deep"
TOUCHES = Touches(
    registry=(KEY, NEW),
    services=("W32Time",),
    policies=("firewall", "SeDebugPrivilege", "audit policy", "PUAProtection"),
)
TOUCHED = [
    f"touched registry {KEY}",
    f"touched registry {NEW}",
    "touched service W32Time",
    "touched firewall firewall",
    "touched security SeDebugPrivilege",
    "touched audit audit policy",
    "touched preference PUAProtection",
]
GUID = "{0cce9215-69ae-11d9-bed3-505054503030}"
STATE = [
    f"setting key present {SHA} {KEY}",
    f"setting value present {SHA} {KEY} [LmCompatibilityLevel]",
    f"setting value present {SHA} {KEY} []",
    f"setting value present {SHA} {KEY} [a%005bb%005d \\c]",
    f"setting key absent {SHA} {NEW}",
    rf"setting key absent {SHA} HKLM:\SOFTWARE\Policies\New",
    f"setting service auto,running {SHA} W32Time",
    f"setting policy present {SHA} firewall [Public]",
    f"setting policy absent {SHA} firewall [hardencheck-winrm]",
    f"setting policy absent {SHA} SeDebugPrivilege",
    f"setting policy present {SHA} audit policy [{GUID}]",
    f"setting policy present {SHA} PUAProtection",
]


@pytest.fixture
def whole() -> list[str]:
    """The lines of an answer to `begin` that is as it should be."""
    script = guard.begin("run-1", TOUCHES, None).decode()
    program = script.split("$HcProgram = @'\n", 1)[1].rsplit("\n'@\n", 1)[0]
    revert = f"$HcRun = 'run-1'\n{program}\nInvoke-HcRevert\n"
    return [*TOUCHED, *STATE, f"revert {hashlib.sha256(revert.encode()).hexdigest()}"]


def test_an_answer_becomes_a_snapshot(whole: list[str]) -> None:
    snapshot = guard.begun(answer(whole), "run-1", TOUCHES)
    assert [(each.noun, each.state) for each in snapshot.state.settings][:2] == [
        ("key", "present"),
        ("value", "present"),
    ]
    assert snapshot.digest == hashlib.sha256("".join(f"{line}\n" for line in whole).encode()).hexdigest()
    assert Snapshot.from_bytes(snapshot.to_bytes()) == snapshot
    settled = guard.confirmed(answer(STATE, "confirmed"), "run-1", TOUCHES)
    assert Settled.from_bytes(settled.to_bytes()) == settled
    script = guard.undo("run-1", snapshot, settled, force=True)
    assert f"$HcExpected = '{snapshot.digest}'\n".encode() in script
    # what the host calls its values is no part of a script
    assert b"LmCompatibilityLevel" not in script


@pytest.mark.parametrize(
    "line",
    [
        rf"setting key present {SHA} HKLM:\SYSTEM\Other",
        rf"setting key present {SHA} HKLM:",
        rf"setting value present {SHA} HKLM:\SOFTWARE\Policies\New [x]",
        f"setting value present {SHA} {KEY}",
        f"setting value present {SHA} {KEY} [x] [y]",
        f"setting value present {SHA} {KEY} [lmcompatibilitylevel]",
        f"setting value present secret {KEY} [DefaultPassword]",
        f"setting value P@ss {SHA} {KEY} [DefaultPassword]",
        f"setting value present {SHA} {KEY} [\x1b[2J]",
        f"setting value present {SHA} {KEY} [{'x' * 5000}]",
        f"setting service auto,running {SHA} W32Time",
        f"setting service auto,running {SHA} Spooler",
        f"setting policy present {SHA} firewall [Everything]",
        f"setting policy present {SHA} SeDebugPrivilege [x]",
        f"setting policy present {SHA} SeTcbPrivilege",
        f"setting policy present {SHA} audit policy [*]",
        f"setting disk present {SHA} C:",
        "entry declared file 644 0 0 - - - 1 /etc/a",
        "error all is well",
        "",
    ],
)
def test_what_was_not_asked_for_is_refused(whole: list[str], line: str) -> None:
    with pytest.raises(RemediationError):
        guard.begun(answer([*whole[:-1], line, whole[-1]]), "run-1", TOUCHES)
    with pytest.raises(RemediationError):
        guard.confirmed(answer([*STATE, line], "confirmed"), "run-1", TOUCHES)


def test_what_is_missing_is_refused(whole: list[str]) -> None:
    lines = [line for line in whole if line.startswith("setting")]
    alone = [line for line in lines if " value " not in line and "New" not in line]
    assert len(alone) == 7
    for gone in ("W32Time", "firewall", "SeDebugPrivilege", "audit policy", "PUAProtection", NEW):
        with pytest.raises(RemediationError):
            guard.begun(answer([line for line in whole if "setting" not in line or gone not in line]), "run-1", TOUCHES)
    for cut in (whole[1:], whole[:-1], [*whole[:-1], f"revert {SHA}"], []):
        with pytest.raises(RemediationError):
            guard.begun(answer(cut), "run-1", TOUCHES)


def test_an_answer_that_is_cut_off_is_refused(whole: list[str]) -> None:
    sent = answer(whole)
    for end in range(len(sent)):
        with pytest.raises(RemediationError):
            guard.begun(sent[:end], "run-1", TOUCHES)


def test_the_answer_of_another_run_is_refused(whole: list[str]) -> None:
    with pytest.raises(RemediationError):
        guard.begun(answer(whole, run="run-2"), "run-1", TOUCHES)
    with pytest.raises(RemediationError):
        guard.begun(answer(whole, "confirmed"), "run-1", TOUCHES)


def test_what_went_wrong_is_said() -> None:
    said = b"hardencheck-guard 1 error run-1\nthis account is no administrator here\nend error\n"
    for read in (guard.begun, guard.confirmed):
        with pytest.raises(RemediationError, match="this account is no administrator here"):
            read(said, "run-1", TOUCHES)
    language = b'HC1  windows.platform 70\r\n{"i":"language","ok":true,"v":"ConstrainedLanguage"}\r\n'
    with pytest.raises(RemediationError, match="PowerShell runs in ConstrainedLanguage there"):
        guard.undone(language, "run-1")


def test_an_undo_says_what_it_left() -> None:
    lines = [f"restored value {KEY} [x]", "left service not-restored W32Time", f"left key not-empty {NEW}"]
    undone = guard.undone(answer(lines, "undo"), "run-1")
    assert undone.restored == (("value", f"{KEY} [x]"),)
    assert [(each.name, each.reason) for each in undone.left] == [("W32Time", "not-restored"), (NEW, "not-empty")]
    for line in ("left value because x", "restored path /etc/a", "cleared", "restored value \x07"):
        with pytest.raises(RemediationError):
            guard.undone(answer([line, "restored service W32Time"], "undo"), "run-1")


@given(st.binary(max_size=200), st.sampled_from(["begin", "confirmed", "undo", "error"]))
def test_no_answer_breaks_the_reader(noise: bytes, head: str) -> None:
    for sent in (noise, b"HC1 " + noise, f"hardencheck-guard 1 {head} run-1\n".encode() + noise + b"\nend 1\n"):
        for read in (guard.begun, guard.confirmed):
            with pytest.raises(RemediationError):
                read(sent, "run-1", TOUCHES)


@pytest.mark.parametrize(
    "touches",
    [
        Touches(registry=(r"HKCU:\SOFTWARE\A",)),
        Touches(registry=(r"HKLM:\SOFTWARE",)),
        Touches(registry=(r"HKLM:\SOFTWARE\A\\B",)),
        Touches(registry=("HKLM:\\SOFTWARE\\A\\",)),
        Touches(registry=("HKLM:\\SOFTWARE\\A\n'@\nStop-Computer",)),
        Touches(registry=(r"HKLM:\SOFTWARE\A [B]",)),
        Touches(registry=(r"HKLM:\SOFTWARE\A'B",)),
        Touches(services=("W32Time start= x",)),
        Touches(policies=("SeEverything",)),
        Touches(policies=("NewAdministratorName",)),
        Touches(files=("/etc/a",)),
        Touches(kernel=("nftables",)),
        Touches(accounts=True),
        Touches(packages=True),
    ],
)
def test_what_could_not_be_put_back_is_not_begun(touches: Touches) -> None:
    with pytest.raises(RemediationError):
        guard.begin("run-1", touches, None)


@pytest.mark.parametrize("timer", [0, -1, 4, 24 * 3600])
def test_a_timer_has_bounds(timer: int) -> None:
    with pytest.raises(RemediationError):
        guard.begin("run-1", TOUCHES, timer)


def test_the_snapshot_of_another_run_undoes_nothing(whole: list[str]) -> None:
    snapshot = guard.begun(answer(whole), "run-1", TOUCHES)
    with pytest.raises(RemediationError):
        guard.undo("run-2", snapshot, None, force=False)
