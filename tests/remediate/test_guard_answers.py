"""What a host answers to the guard is taken only when it is exactly what was asked for."""

from __future__ import annotations

import hashlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import Settled, Snapshot
from hardencheck.remediate import guard
from hardencheck.remediate.guard_answers import MAX_ANSWER_BYTES
from tests.tools import need_program

TOUCHES = Touches(files=("/etc/a", "/etc/b.d"), services=("a.service",), kernel=("nftables",), packages=True)
SHA = "0" * 64
TOUCHED = [
    "touched file /etc/a",
    "touched file /etc/b.d",
    "touched service a.service",
    "touched kernel nftables",
    "touched packages",
]
STATE = [
    f"entry declared file 644 0 0 {SHA} - - 1 /etc/a",
    "entry parent dir 755 0 0 - - - 1 /etc",
    "entry declared dir 755 0 0 - - - 1 /etc/b.d",
    f"entry inside link 777 0 0 {SHA} - - 1 /etc/b.d/a name",
    f"entry unit link 777 0 0 {SHA} - - 1 /etc/systemd/system/x.wants/a.service",
    f"entry unit link 777 0 0 {SHA} - - 1 /etc/rc2.d/S01a",
    "entry parent dir 755 0 0 - - - 1 /etc/systemd/system/x.wants",
    "service enabled active a.service",
    "package installed 1.0-1 hc-demo",
    f"kernel nft inet filter {SHA}",
]


def answer(lines: list[str], head: str = "begin", run: str = "run-1") -> bytes:
    """Write an answer as a host does."""
    return "\n".join([f"hardencheck-guard 1 {head} {run}", *lines, f"end {len(lines)}", ""]).encode()


@pytest.fixture
def whole() -> list[str]:
    """The lines of an answer to `begin` that is as it should be."""
    script = guard.begin("run-1", TOUCHES, None).decode()
    program = script.split("program='", 1)[1].rsplit("'\neval ", 1)[0].replace("'\\''", "'")
    revert = f'run=run-1\n{program}\nrevert "$@"\n'
    return [*TOUCHED, *STATE, f"revert {hashlib.sha256(revert.encode()).hexdigest()}"]


def test_an_answer_becomes_a_snapshot(whole: list[str]) -> None:
    snapshot = guard.begun(answer(whole), "run-1", TOUCHES)
    assert [entry.path for entry in snapshot.state.entries][:4] == ["/etc/a", "/etc", "/etc/b.d", "/etc/b.d/a name"]
    assert snapshot.digest == hashlib.sha256("".join(f"{line}\n" for line in whole).encode()).hexdigest()
    assert Snapshot.from_bytes(snapshot.to_bytes()) == snapshot
    script = guard.undo("run-1", snapshot, None, force=False)
    assert f"expected='{snapshot.digest}'\nexpected_after=''\nforce=''\n".encode() in script
    # what the host calls its files is no part of a script
    assert b"/etc/b.d" not in script


@pytest.mark.parametrize(
    "line",
    [
        "entry inside file 644 0 0 - - - 1 /etc/shadow",
        "entry inside file 644 0 0 - - - 1 /etc/b.d/../shadow",
        "entry declared file 644 0 0 - - - 1 /etc/b.d/a",
        "entry parent dir 755 0 0 - - - 1 /usr",
        "entry target file 644 0 0 - - - 1 /usr//share/x",
        "entry target file 644 0 0 - - - 1 relative",
        "entry unit link 777 0 0 - - - 1 /etc/systemd/system/x.wants/b.service",
        "entry unit link 777 0 0 - - - 1 /etc/systemd/a.service",
        "entry unit link 777 0 0 - - - 1 /etc/rc2.d/S01b",
        "entry declared file 644 0 0 - - - 1 /etc/a",
        "entry inside file 999 0 0 - - - 1 /etc/b.d/x",
        "entry inside file 644 0 0 abc - - 1 /etc/b.d/x",
        "entry inside file 644 0 0 - - - 1 /etc/b.d/\x1b[2J",
        f"entry inside file 644 0 0 - - - 1 /etc/b.d/{'x' * 5000}",
        "service enabled active b.service",
        "service enabled active a.service",
        "service $(reboot) active a.service",
        "package installed 1.0 two words",
        "account open never root:$6$hash",
        "account $6$hash never root",
        f"kernel nft inet filter {SHA}",
        "kernel sysctl - all -",
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
    for cut in (
        whole[1:],
        whole[:-1],
        [*whole[:-1], f"revert {SHA}"],
        [line for line in whole if "b.d" not in line],
        [],
    ):
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
    with pytest.raises(RemediationError):
        guard.begun(b"x" * (MAX_ANSWER_BYTES + 1), "run-1", TOUCHES)


def test_what_went_wrong_is_said_without_control_characters() -> None:
    said = b"hardencheck-guard 1 error run-1\n/etc/a is \x1b[31mgone\nend error\n"
    with pytest.raises(RemediationError) as caught:
        guard.begun(said, "run-1", TOUCHES)
    assert caught.value.message == "/etc/a is ?[31mgone"


def test_an_undo_says_what_it_left() -> None:
    lines = ["restored path /etc/a", "left path changed-since /etc/b.d/a name", "left package needed-or-busy hc-demo"]
    undone = guard.undone(answer(lines, "undo"), "run-1")
    assert undone.restored == (("path", "/etc/a"),)
    assert not undone.cleared
    assert [(each.name, each.reason) for each in undone.left] == [
        ("/etc/b.d/a name", "changed-since"),
        ("hc-demo", "needed-or-busy"),
    ]
    assert guard.undone(answer(["cleared"], "undo"), "run-1").cleared
    for line in ("left path because /etc/a", "restored disk /dev/sda", "cleared", "restored path /etc/\x07"):
        with pytest.raises(RemediationError):
            guard.undone(answer([line, "restored path /etc/a"], "undo"), "run-1")


@given(st.binary(max_size=200), st.sampled_from(["begin", "confirmed", "undo", "error"]))
def test_no_answer_breaks_the_reader(noise: bytes, head: str) -> None:
    for sent in (noise, f"hardencheck-guard 1 {head} run-1\n".encode() + noise + b"\nend 1\n"):
        for read in (guard.begun, guard.confirmed):
            with pytest.raises(RemediationError):
                read(sent, "run-1", TOUCHES)


@pytest.mark.parametrize("run", ["", "a b", "../x", "x'y", "a\n", "-x", "x" * 65])
def test_a_run_has_a_plain_name(run: str) -> None:
    with pytest.raises(RemediationError):
        guard.confirm(run)


@pytest.mark.parametrize(
    "touches",
    [
        Touches(files=("etc/a",)),
        Touches(files=("/",)),
        Touches(files=("/etc/../a",)),
        Touches(files=("/etc/a/",)),
        Touches(files=("/etc/a\nb",)),
        Touches(services=("a b.service",)),
        Touches(services=("--now",)),
        Touches(kernel=("a b",)),
    ],
)
def test_what_is_touched_has_plain_names(touches: Touches) -> None:
    with pytest.raises(RemediationError):
        guard.begin("run-1", touches, None)


@pytest.mark.parametrize("timer", [0, -1, 4, 24 * 3600])
def test_a_timer_has_bounds(timer: int) -> None:
    with pytest.raises(RemediationError):
        guard.begin("run-1", TOUCHES, timer)


def test_quotes_in_a_path_stay_in_it() -> None:
    script = guard.begin("run-1", Touches(files=("/etc/it's;reboot",)), None)
    assert b"touched='file /etc/it'\\''s;reboot'\n" in script


def test_the_snapshot_of_another_run_undoes_nothing(whole: list[str]) -> None:
    snapshot = guard.begun(answer(whole), "run-1", TOUCHES)
    with pytest.raises(RemediationError):
        guard.undo("run-2", snapshot, None, force=False)
    with pytest.raises(RemediationError):
        guard.undo("run-1", snapshot, Settled("run-2", "confirmed", SHA, snapshot.state), force=False)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"run":1,"digest":"","revert":"","state":{}}'])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Snapshot.from_bytes(data)


def test_the_script_passes_shellcheck() -> None:
    need_program("shellcheck")
    program = guard._program()
    done = subprocess.run(["shellcheck", "-s", "sh", "-"], input=program, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
