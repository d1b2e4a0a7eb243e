"""The doctor's steps for every way an exchange can go, without a host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hardencheck.transport
from hardencheck.errors import AuthenticationFailed, HostKeyRejected, TimedOut, TransportError, Unreachable
from hardencheck.model.capture import Ended, Exchange, Limits
from hardencheck.model.host import Become, Host
from hardencheck.transport.diagnose import State, diagnose
from hardencheck.transport.local import LocalTransport

HOST = Host("desk1", "desk1.example", user="scan", become=Become())
NAMES = ["dns", "port", "host_key", "authentication", "privilege", "shell", "clock"]


class Fixed:
    """A transport that always gives the same answer."""

    def __init__(self, answer: Exchange | TransportError) -> None:
        self.answer = answer

    def run(self, host: Host, payload: bytes, limits: Limits) -> Exchange:
        if isinstance(self.answer, TransportError):
            raise self.answer
        return self.answer

    def close(self) -> None:
        return


def states(answer: Exchange | TransportError, now: float = 1000.0) -> dict[str, State]:
    steps = diagnose(Fixed(answer), HOST, Limits(), lambda: now)
    assert [step.name for step in steps] == NAMES
    assert all(step.hint for step in steps if step.state is State.FAILED)
    return {step.name: step.state for step in steps}


@pytest.mark.parametrize(
    ("error", "failed", "earlier"),
    [
        (Unreachable("m", reason="name_not_found", hint="h"), "dns", State.OK),
        (Unreachable("m", reason="connection_refused", hint="h"), "port", State.OK),
        (Unreachable("m", reason="handshake_lost", hint="h"), "port", State.OK),
        (TimedOut("m", reason="handshake_timed_out", hint="h"), "port", State.OK),
        (HostKeyRejected("m", reason="host_key_changed", hint="h"), "host_key", State.OK),
        (AuthenticationFailed("m", hint="h"), "authentication", State.OK),
        (TimedOut("m", reason="authentication_timed_out", hint="h"), "authentication", State.OK),
        (Unreachable("m", reason="exec_refused", hint="h"), "shell", State.OK),
        (AuthenticationFailed("m", reason="become_user_invalid", hint="h"), "privilege", State.NOT_TRIED),
        (Unreachable("m", reason="host_settings", hint="h"), "dns", State.NOT_TRIED),
    ],
)
def test_error_fails_the_step_it_belongs_to(error: TransportError, failed: str, earlier: State) -> None:
    found = states(error)
    position = NAMES.index(failed)
    assert found[failed] is State.FAILED
    assert {found[name] for name in NAMES[:position] if name != "privilege"} <= {earlier}
    assert {found[name] for name in NAMES[position + 1 :]} <= {State.NOT_TRIED}


def test_every_documented_reason_has_a_step() -> None:
    """The table in base.py is complete: every reason that the package raises stands in it."""
    folder = Path(hardencheck.transport.__file__).parent
    table = (folder / "base.py").read_text()
    for path in folder.glob("*.py"):
        for reason in re.findall(r'reason=f?"([a-z_{}]+)"', path.read_text()):
            names = [reason.replace("{phase}", phase) for phase in ("handshake", "authentication", "start")]
            assert all(name in table for name in names), (path.name, reason)


@pytest.mark.parametrize(
    ("host_time", "state"),
    [(1000, State.OK), (1299, State.OK), (702, State.OK), (1400, State.FAILED), (0, State.FAILED)],
)
def test_clock(host_time: int, state: State) -> None:
    answer = Exchange(f"hardencheck-doctor\n0\n{host_time}\n".encode(), b"", 0, Ended.CLOSED, 0.1)
    assert states(answer)["clock"] is state


@pytest.mark.parametrize("ended", list(Ended))
@pytest.mark.parametrize("stdout", [b"", b"hardencheck-doctor\n0\n", b"hardencheck-doctor\nroot\n12\n", b"\xff\x1b[2J"])
def test_no_answer(ended: Ended, stdout: bytes) -> None:
    found = states(Exchange(stdout, b"", None, ended, 0.1))
    assert (found["shell"], found["privilege"], found["clock"]) == (State.FAILED, State.NOT_TRIED, State.NOT_TRIED)


def test_what_the_host_says_cannot_move_the_cursor() -> None:
    steps = diagnose(Fixed(Exchange(b"\x1b[2Jboo\x07", b"\r\n", 1, Ended.CLOSED, 0.1)), HOST, Limits(), lambda: 0.0)
    assert all(step.message.isprintable() for step in steps)


def test_this_machine() -> None:
    here = Host("here", "localhost", connection="local")
    steps = {step.name: step.state for step in diagnose(LocalTransport(), here, Limits(), lambda: 0.0)}
    assert steps["dns"] is steps["authentication"] is State.NOT_TRIED
    assert steps["shell"] is State.OK
    assert steps["clock"] is State.FAILED
