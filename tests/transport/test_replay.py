"""Recorded answers come back as they were, under the nonce of whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardencheck.errors import Unreachable
from hardencheck.model.capture import Ended, Exchange, Limits
from hardencheck.model.host import Host
from hardencheck.transport.replay import ReplayTransport, record

OLD, NEW = "0" * 32, "f" * 32
HOST = Host("desk1", "10.0.0.1")


def answer(nonce: str) -> bytes:
    return f"HC1 {nonce} linux.a 3\nabc\nHC1 {nonce} end 1\n".encode() + bytes(range(256))


def test_round_trip(tmp_path: Path) -> None:
    exchange = Exchange(answer(OLD), b"err\xff", 0, Ended.CLOSED, 1.25)
    record(tmp_path / "new", HOST, exchange, OLD)
    replayed = ReplayTransport(tmp_path / "new").run(HOST, f"nonce={NEW}\necho hi\n".encode(), Limits())
    assert replayed == Exchange(answer(NEW), b"err\xff", 0, Ended.CLOSED, 1.25)


@pytest.mark.parametrize("ended", list(Ended))
def test_every_end_is_kept(tmp_path: Path, ended: Ended) -> None:
    exchange = Exchange(b"", b"", None, ended, 0.0)
    record(tmp_path, HOST, exchange, OLD)
    assert ReplayTransport(tmp_path).run(HOST, b"true\n", Limits()) == exchange


def test_limit_of_bytes_holds(tmp_path: Path) -> None:
    record(tmp_path, HOST, Exchange(b"x" * 100, b"", 0, Ended.CLOSED, 0.0), OLD)
    replayed = ReplayTransport(tmp_path).run(HOST, b"", Limits(max_bytes=10))
    assert (replayed.stdout, replayed.ended) == (b"x" * 10, Ended.FLOOD)


@pytest.mark.parametrize("name", ["../../etc/passwd", "UPPER", "a/b", ".hidden", "x" * 300, "désk", "a b", "con\0"])
def test_any_host_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    host, exchange = Host(name, "10.0.0.1"), Exchange(name.encode(), b"", 0, Ended.CLOSED, 0.0)
    path = record(tmp_path, host, exchange, OLD)
    assert path.parent == tmp_path
    assert ReplayTransport(tmp_path).run(host, b"", Limits()) == exchange


def test_names_that_look_alike_have_files_of_their_own(tmp_path: Path) -> None:
    names = ["desk1", "DESK1", "desk 1", "desk/1", "desk-1"]
    assert len({record(tmp_path, Host(n, "x"), Exchange(b"", b"", 0, Ended.CLOSED, 0), OLD) for n in names}) == 5


@pytest.mark.parametrize(
    "content", [None, b"", b"{}\n", b"[]\n", b"not json\n", b'{"stdout":5,"stderr":0}\nabc', b"\xff\xfe\n"]
)
def test_what_is_not_a_recording(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "desk1.exchange").write_bytes(content)
    with pytest.raises(Unreachable) as caught:
        ReplayTransport(tmp_path).run(HOST, b"", Limits())
    assert caught.value.reason == "not_recorded"
