"""This machine as a host: the same limits as over SSH, and nothing left running."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardencheck.errors import AuthenticationFailed, Unreachable
from hardencheck.model.capture import Ended, Limits
from hardencheck.model.host import Become, Host
from hardencheck.transport.local import LocalTransport
from tests.transport.conftest import PATIENT

HERE = Host("here", "localhost", connection="local")


@pytest.fixture(autouse=True)
def no_descriptor_left() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def test_script_runs_with_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    exchange = LocalTransport().run(HERE, b"env; pwd; echo oops >&2; exit 3\n", PATIENT)
    assert (exchange.ended, exchange.exit_status, exchange.stderr) == (Ended.CLOSED, 3, b"oops\n")
    assert b"s3cret" not in exchange.stdout
    assert exchange.stdout.endswith(b"/\n")


def test_large_script_and_large_answer() -> None:
    script = b"# " + b"x" * 1_000_000 + b"\nhead -c 3000000 /dev/zero; head -c 100000 /dev/zero >&2\n"
    exchange = LocalTransport().run(HERE, script, PATIENT)
    assert exchange.stdout == bytes(3_000_000)
    assert len(exchange.stderr) == 16 * 1024


@pytest.mark.parametrize(
    ("script", "limits", "ended"),
    [
        (b"cat /dev/zero", Limits(60, 50, 100_000), Ended.FLOOD),
        (b"cat /dev/zero >&2", Limits(60, 50, 100_000), Ended.FLOOD),
        (b"sleep 60", Limits(1, 50), Ended.DEADLINE),
        (b"sleep 60", Limits(60, 1), Ended.IDLE),
        (b"while :; do echo x; sleep 0.1; done", Limits(1, 50), Ended.DEADLINE),
        (b"exec >&- 2>&-; sleep 60", Limits(1, 50), Ended.DEADLINE),
        (b"exec >&- 2>&-; sleep 60", Limits(60, 1), Ended.IDLE),
        (b"exec 0<&-; sleep 60\n" + b"x" * 1_000_000, Limits(1, 50), Ended.DEADLINE),
        (b"kill -9 $$", PATIENT, Ended.LOST),
    ],
)
def test_every_limit_ends_the_exchange(script: bytes, limits: Limits, ended: Ended) -> None:
    exchange = LocalTransport().run(HERE, script, limits)
    assert exchange.ended is ended
    assert exchange.exit_status is None
    assert len(exchange.stdout) <= limits.max_bytes


def test_whole_process_group_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sh -c 'echo $$ >{note}; sleep 600; true' & wait\n".encode()
    assert LocalTransport().run(HERE, script, Limits(60, 2)).ended is Ended.IDLE
    pid = int(note.read_text())
    for _ in range(500):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                break
        except FileNotFoundError:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("a child of the script is still there")


def test_settings_that_cannot_be_used() -> None:
    with pytest.raises(Unreachable):
        LocalTransport().run(Host("here", "localhost", problem="no"), b"true\n", PATIENT)
    with pytest.raises(AuthenticationFailed) as caught:
        LocalTransport().run(Host("here", "localhost", become=Become("root; reboot")), b"true\n", PATIENT)
    assert caught.value.reason == "become_user_invalid"


def test_root_needs_no_sudo_to_become_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    exchange = LocalTransport().run(Host("here", "localhost", become=Become()), b"id -u\n", PATIENT)
    assert (exchange.stdout, exchange.stderr, exchange.exit_status) == (b"0\n", b"", 0)
