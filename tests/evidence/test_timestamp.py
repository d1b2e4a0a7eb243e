"""Time stamps by a local authority: kept when they are what was asked for, verified by us and by OpenSSL alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardencheck.errors import CredentialError, EvidenceError, StampRefused, StoreError, UsageError
from hardencheck.evidence import timestamp
from hardencheck.evidence.chain import checkpoint_of
from hardencheck.model.chain import Link
from hardencheck.storage import Store, open_store
from tests.cli.test_command_line import run
from tests.evidence.authority import Answer, Authority, listening
from tests.evidence.chains import broken, history, seal, sweep_id
from tests.storage import samples
from tests.tools import need_program


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    need_program("openssl")
    return Authority(tmp_path_factory.mktemp("tsa") / "own")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(samples.database(tmp_path)) as opened:
        yield opened


def stamped(store: Store, answer: Answer) -> datetime:
    with listening(answer) as url, store.lock("stamping"):
        return timestamp.stamp_newest(store, url)


def links(store: Store) -> list[Link]:
    with store.snapshot() as snapshot:
        return list(snapshot.links())


def test_a_stamp_is_kept_beside_its_link_and_verified(store: Store, authority: Authority) -> None:
    history(store, 1, "agent1")
    before = checkpoint_of(store.envelopes())
    time = stamped(store, authority.answer)
    assert abs(time - datetime.now(UTC)) < timedelta(minutes=10)
    assert (checkpoint_of(store.envelopes()), broken(store)) == (before, "")
    for number in (1, 2):
        seal(store, number, samples.record("agent1", sweep_id=sweep_id(number)))
    last = stamped(store, authority.answer)
    found = timestamp.verify_stamps(links(store), timestamp.roots(authority.ca))
    assert found == timestamp.Stamps(2, 2, last)
    first, bare, newest = links(store)
    assert bare.stamp is None
    assert first.stamp
    assert newest.stamp
    assert authority.verifies(first.stamp, first.envelope)
    assert not authority.verifies(first.stamp, newest.envelope)


def test_a_link_is_stamped_once(store: Store, authority: Authority) -> None:
    history(store, 1, "agent1")
    stamped(store, authority.answer)
    with pytest.raises(StoreError, match="no link 0 without a time stamp"):
        stamped(store, authority.answer)


def test_without_stamps_nothing_is_proved(store: Store, authority: Authority) -> None:
    history(store, 1, "agent1")
    assert timestamp.verify_stamps(links(store), timestamp.roots(authority.ca)) is None


def test_a_changed_stamp_and_one_of_another_link_or_maker_are_found(
    store: Store, authority: Authority, tmp_path: Path
) -> None:
    history(store, 2, "agent1")
    stamped(store, authority.answer)
    stranger = Authority(tmp_path / "stranger")
    with pytest.raises(EvidenceError, match="link 1 of the chain: its time stamp does not hold"):
        timestamp.verify_stamps(links(store), timestamp.roots(stranger.ca))
    with closing(sqlite3.connect(store.path)) as connection:
        (whole,) = connection.execute("SELECT stamp FROM chain WHERE position = 1").fetchone()
        with connection:
            connection.execute("UPDATE chain SET stamp = ? WHERE position = 0", (whole,))
    with pytest.raises(EvidenceError, match="link 0 of the chain"):
        timestamp.verify_stamps(links(store), timestamp.roots(authority.ca))
    trusted, link = timestamp.roots(authority.ca), links(store)[1]
    for cut in (b"", whole[:-1], whole[:40], b"0"):
        with pytest.raises(EvidenceError):
            timestamp.verify_stamps([Link(1, link.envelope, stamp=cut)], trusted)


def failing(_: bytes) -> bytes:
    raise RuntimeError


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (failing, "Internal Server Error"),
        (lambda _: b"<html>", "no time stamp"),
        (lambda _: b"", "no time stamp"),
        (lambda _: b"\x30" * (timestamp.MAX_BYTES + 1), "more than"),
        # PKIStatusInfo: rejection
        (lambda _: bytes.fromhex("30053003020102"), "refused"),
    ],
)
def test_an_answer_that_is_no_stamp_is_refused(store: Store, answer: Callable[[bytes], bytes], words: str) -> None:
    history(store, 1, "agent1")
    with pytest.raises(StampRefused, match=words):
        stamped(store, answer)
    assert links(store)[0].stamp is None


def test_an_answer_to_another_question_is_refused(store: Store, authority: Authority) -> None:
    history(store, 1, "agent1")
    earlier: list[bytes] = []

    def remembered(query: bytes) -> bytes:
        earlier.append(authority.answer(query))
        return earlier[0]

    stamped(store, remembered)
    seal(store, 1, samples.record("agent1", sweep_id=sweep_id(1)))
    with pytest.raises(StampRefused, match="not to what it was asked"):
        stamped(store, remembered)


def test_what_is_no_authority_and_no_certificate(tmp_path: Path) -> None:
    for url in ("file:///etc/passwd", "tsa.example", ""):
        with pytest.raises(UsageError):
            timestamp.authority(url)
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "none.pem"):
        with pytest.raises(CredentialError, match="certificate"):
            timestamp.roots(tmp_path / name)


def test_the_command_stamps_and_verifies_and_loses_no_sweep_for_want_of_a_stamp(
    authority: Authority, tmp_path: Path
) -> None:
    rule = ("sweep", "-q", "--rule", "linux-accounts-only-root-uid-zero")
    with listening(authority.answer) as url:
        done = run(*rule, "--tsa", url, home=tmp_path)
    assert (done.returncode in (0, 1, 2, 3), "stamp" in done.stderr) == (True, False), done.stderr
    proved = run("evidence", "verify", "--tsa-ca", authority.ca, home=tmp_path)
    assert proved.returncode == 0, proved.stderr
    assert "1 links carry time stamps; link 0 existed on 20" in proved.stdout
    with listening(failing) as url:
        again = run(*rule, "--tsa", url, home=tmp_path)
    assert again.returncode == done.returncode
    assert f"not stamped: time stamp authority {url}" in again.stderr
    assert run("evidence", "verify", "--tsa-ca", authority.ca, home=tmp_path).returncode == 0
    bad = run(*rule, "--tsa", "ftp://tsa.example", home=tmp_path)
    assert bad.returncode == 64
