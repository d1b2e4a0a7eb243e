from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from hardencheck.errors import EvidenceError, StoreError, UsageError
from hardencheck.model.capture import digest
from hardencheck.model.chain import Link
from hardencheck.model.outcome import HostState, Outcome
from hardencheck.storage import HostRecord, Store, Writer, findings, new_sweep_id, open_store, sqlite, writer
from tests.storage import samples
from tests.storage.samples import SWEEP_ID


def put_all(opened: Writer, records: list[HostRecord], then: BaseException | None = None) -> None:
    for each in records:
        opened.put(each)
    if then is not None:
        raise then


def test_a_sweep_comes_back_as_it_was_stored(store: Store) -> None:
    records = [samples.record(name) for name in ("agent2", "agent1", "server1")]
    planned = samples.sweep("agent2", "agent1", "server1")
    samples.run(store, planned, *reversed(records))
    found = store.sweep("last")
    assert found == replace(planned, finished="2026-11-22T02:00:00Z", hosts=tuple(each.result for each in records))


def test_the_evidence_of_a_host_comes_back_byte_for_byte(store: Store) -> None:
    record = samples.record("agent1")
    samples.run(store, samples.sweep("agent1"), record)
    assert record.result.manifest is not None
    manifest = store.manifest(record.result.manifest)
    captures = store.captures(manifest)
    assert {probe_id: digest(capture.to_bytes()) for probe_id, capture in captures.items()} == manifest.sections
    assert dict(store.blobs(record.blobs.keys())) == dict(record.blobs)
    assert store.blob(digest(samples.BASELINE)) == samples.BASELINE


def test_a_begun_sweep_has_every_host_pending_until_its_record_is_stored(store: Store) -> None:
    names = [f"agent{number}" for number in range(25)]
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep(*names), samples.BASELINE)
        assert store.pending(SWEEP_ID) == tuple(names)
        assert {host.state for host in store.hosts(SWEEP_ID)} == {HostState.PENDING}
        assert [host.labels for host in store.hosts(SWEEP_ID)] == [{"client": "acme"}] * 25
        with store.writer() as opened:
            for name in names[5:17]:
                opened.put(samples.record(name))
        assert store.pending(SWEEP_ID) == tuple(names[:5] + names[17:])
    assert store.header("last").finished is None


def test_an_unreachable_host_is_stored_without_evidence(store: Store) -> None:
    host = samples.unreachable("agent1")
    samples.run(store, samples.sweep("agent1"), HostRecord(SWEEP_ID, host))
    assert store.sweep("last").hosts == (host,)
    assert store.pending(SWEEP_ID) == ()


def test_equal_content_is_stored_once(tmp_path: Path, store: Store) -> None:
    names = [f"agent{number}" for number in range(30)]
    for night in range(3):
        planned = samples.sweep(*names, sweep_id=f"{SWEEP_ID}{night}")
        samples.run(store, planned, *(samples.record(name, sweep_id=planned.id, same=True) for name in names))
    with sqlite3.connect(samples.database(tmp_path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM blob").fetchone()
    connection.close()
    # the baseline, three captures, one list of results, and a manifest for each host
    assert count == 1 + 3 + 1 + 30
    assert [host.host for host in store.hosts(f"{SWEEP_ID}2")] == names


def test_hosts_come_in_inventory_order_beyond_one_chunk(store: Store) -> None:
    names = [f"agent{number * 7919 % 1009}" for number in range(450)]
    samples.run(store, samples.sweep(*names), *(samples.record(name, same=True) for name in sorted(names)))
    assert [host.host for host in store.hosts(SWEEP_ID)] == names


def test_the_newest_result_of_a_host_names_its_sweep(store: Store) -> None:
    for number in range(2):
        planned = samples.sweep("agent1", "agent2", sweep_id=f"{SWEEP_ID}{number}")
        samples.run(store, planned, *(samples.record(name, sweep_id=planned.id) for name in ("agent1", "agent2")))
    interrupted = samples.sweep("agent1", "agent2", sweep_id=f"{SWEEP_ID}2")
    with store.lock(interrupted.id):
        store.begin(interrupted, samples.BASELINE)
        with store.writer() as opened:
            opened.put(samples.record("agent1", sweep_id=interrupted.id))
    assert [found and found[0] for found in (store.host("agent1"), store.host("agent2"))] == [
        f"{SWEEP_ID}2",
        f"{SWEEP_ID}1",
    ]
    assert store.host("nobody") is None


def test_a_result_is_never_replaced(store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    with (
        store.lock(SWEEP_ID),
        pytest.raises(StoreError, match=r"agent1.*already stored"),
        store.writer() as opened,
    ):
        opened.put(samples.record("agent1", samples.rule_result("rule-0", Outcome.FAIL)))
    assert store.sweep("last").hosts[0] == samples.record("agent1").result
    assert [each.rule_id for each in store.findings()] == ["rule-1"]


def test_one_host_twice_in_one_batch_is_refused(store: Store) -> None:
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep("agent1", "agent2"), samples.BASELINE)
        with pytest.raises(StoreError, match=r"agent1.*already stored"), store.writer() as opened:
            put_all(opened, [samples.record("agent1"), samples.record("agent1")])
    assert store.pending(SWEEP_ID) == ("agent1", "agent2")


def test_a_host_that_is_not_in_the_sweep_is_refused_and_nothing_of_its_batch_is_stored(store: Store) -> None:
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep("agent1"), samples.BASELINE)
        with pytest.raises(StoreError, match="stranger"), store.writer() as opened:
            opened.put(samples.record("stranger"))
    assert store.findings("all") == ()
    assert store.pending(SWEEP_ID) == ("agent1",)


def test_a_host_that_is_still_pending_has_nothing_to_store(store: Store) -> None:
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep("agent1"), samples.BASELINE)
        with pytest.raises(ValueError, match=r"agent1.*pending"), store.writer() as opened:
            opened.put(HostRecord(SWEEP_ID, samples.pending("agent1")))


def test_evidence_that_was_not_collected_is_refused(store: Store) -> None:
    complete = samples.record("agent1")
    missing, *others = complete.blobs
    partial = HostRecord(SWEEP_ID, complete.result, {each: complete.blobs[each] for each in others})
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep("agent1"), samples.BASELINE)
        with pytest.raises(EvidenceError, match=missing), store.writer() as opened:
            opened.put(partial)
    assert store.pending(SWEEP_ID) == ("agent1",)


def test_evidence_that_is_already_stored_need_not_be_handed_over_again(store: Store) -> None:
    complete = samples.record("agent1")
    samples.run(store, samples.sweep("agent1"), complete)
    again = samples.sweep("agent1", sweep_id="20261123T013000Z-00aa11")
    samples.run(store, again, HostRecord(again.id, complete.result))
    assert store.sweep("last").hosts == (complete.result,)


def test_content_under_a_wrong_digest_is_refused(store: Store) -> None:
    good = samples.record("agent1")
    wrong = dict.fromkeys(good.blobs, b"something else")
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep("agent1"), samples.BASELINE)
        with pytest.raises(EvidenceError, match="another digest"), store.writer() as opened:
            opened.put(HostRecord(SWEEP_ID, good.result, wrong))
        with pytest.raises(EvidenceError, match="another digest"):
            store.begin(samples.sweep(sweep_id="other"), b"another baseline")


def test_writing_needs_the_lock(store: Store) -> None:
    with pytest.raises(StoreError, match="lock"):
        store.begin(samples.sweep("agent1"), samples.BASELINE)
    with pytest.raises(StoreError, match="lock"):
        store.writer()
    with pytest.raises(StoreError, match="lock"):
        samples.finish(store, SWEEP_ID)


def test_many_threads_may_put(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setattr(writer, "REMEMBERED", 40)
    names = [f"agent{number}" for number in range(120)]
    records = [samples.record(name, same=number % 2 == 0) for number, name in enumerate(names)]
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep(*names), samples.BASELINE)
        with store.writer() as opened:
            threads = [threading.Thread(target=put_all, args=(opened, records[start::6])) for start in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert store.sweep("last").hosts == tuple(each.result for each in records)
    for each in records:
        assert dict(store.blobs(each.blobs)) == dict(each.blobs)


def test_an_interrupt_keeps_what_was_put(store: Store) -> None:
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep("agent1", "agent2"), samples.BASELINE)
        with pytest.raises(KeyboardInterrupt), store.writer() as opened:
            put_all(opened, [samples.record("agent1")], then=KeyboardInterrupt())
    assert store.pending(SWEEP_ID) == ("agent2",)


def test_a_closed_writer_takes_nothing(store: Store) -> None:
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep("agent1"), samples.BASELINE)
        with store.writer() as opened:
            pass
        with pytest.raises(StoreError, match="has ended"):
            opened.put(samples.record("agent1"))
    assert store.pending(SWEEP_ID) == ("agent1",)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_thread_that_breaks_is_told_and_nobody_waits(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(findings, "record", broken)
    names = [f"agent{number}" for number in range(200)]
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep(*names), samples.BASELINE)
        with pytest.raises(StoreError, match="has ended"), store.writer() as opened:
            put_all(opened, [samples.record(name) for name in names])
    assert store.pending(SWEEP_ID) == tuple(names)


def test_a_sweep_is_named_by_last_or_the_beginning_of_its_id(store: Store) -> None:
    with pytest.raises(UsageError, match="no sweep yet"):
        store.resolve("last")
    for sweep_id in ("20261122T013000Z-0000bb", "20261122T013000Z-0000aa", "20261123T000000Z-000000"):
        with store.lock(sweep_id):
            store.begin(samples.sweep("agent1", sweep_id=sweep_id), samples.BASELINE)
    assert store.resolve("last") == "20261123T000000Z-000000"
    assert store.resolve("20261123") == "20261123T000000Z-000000"
    assert store.resolve("20261122T013000Z-0000a") == "20261122T013000Z-0000aa"
    with pytest.raises(UsageError, match="more than one"):
        store.resolve("20261122")
    for unknown in ("2025", "", "%", "20261122T013000Z_"):
        with pytest.raises(UsageError, match="holds no sweep"):
            store.resolve(unknown)
    assert [each.id[-6:] for each in store.sweeps(2)] == ["000000", "0000aa"]
    with pytest.raises(StoreError, match="no sweep 2026"):
        store.pending("2026")


def test_the_store_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = samples.database(tmp_path)
    before = os.umask(0)
    try:
        with open_store(path) as opened:
            samples.run(opened, samples.sweep("agent1"), samples.record("agent1"))
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm", "store.db.lock"), 0o600)


def test_the_database_is_set_to_survive_a_power_cut(store: Store) -> None:
    with store._engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_transaction_that_will_write_holds_the_write_lock_from_its_start(store: Store) -> None:
    other = sqlite3.connect(store.path, timeout=0, isolation_level=None)
    with sqlite.for_writing(store._engine).begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_strange_characters_in_the_path_name_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=memory#%41" / "store é.db"
    with open_store(path) as opened:
        samples.run(opened, samples.sweep("agent1"), samples.record("agent1"))
    with open_store(path) as opened:
        assert opened.sweep("last").hosts[0].host == "agent1"
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    "text",
    [
        b"caf\xe9 \xff".decode("utf-8", "surrogateescape"),
        "a NUL \0, an escape \x1b[2J and a line\nend",
        r"C:\new \u0041 \\server",
        'says "no"',
        "日本語 \U0001f4a9 \u2028 \u202e",
    ],
)
def test_any_text_of_a_host_comes_back_the_same(store: Store, text: str) -> None:
    record = samples.record("agent1", samples.rule_result("rule-0", Outcome.FAIL, message=text))
    host = replace(record.result, message=text, system=text, reason=text)
    for number in range(2):
        planned = samples.sweep("agent1", sweep_id=f"{SWEEP_ID}{number}")
        samples.run(store, planned, HostRecord(planned.id, host, record.blobs))
    assert store.sweep("last").hosts == (host,)
    assert [each.message for each in store.findings()] == [text]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 22, 1, 30, tzinfo=UTC), "20261122T013000Z-00aa11"),
        (datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=8))), "20261122T013000Z-00aa11"),
    ],
)
def test_a_sweep_id_is_the_time_in_utc_and_the_token(now: datetime, expected: str) -> None:
    assert new_sweep_id(now, "00aa11") == expected


def test_sweep_ids_refuse_what_would_not_sort_or_could_collide() -> None:
    with pytest.raises(ValueError, match="time zone"):
        new_sweep_id(datetime(2026, 11, 22), "00aa11")  # noqa: DTZ001  that is the point
    for token in ("", "00aa1", "00aa111", "00AA11", "00aa1/", "00aa11\n"):
        with pytest.raises(ValueError, match="token"):
            new_sweep_id(datetime(2026, 11, 22, tzinfo=UTC), token)


def test_a_finished_sweep_never_changes(store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    before = store.sweep("last"), store.envelopes()
    with store.lock(SWEEP_ID):
        with pytest.raises(StoreError, match="never changes"):
            samples.finish(store, SWEEP_ID)
        with pytest.raises(StoreError, match="already stored"), store.writer() as opened:
            opened.put(samples.record("agent1", samples.rule_result("rule-0", Outcome.FAIL)))
        with pytest.raises(StoreError):
            store.begin(samples.sweep("agent1", "agent2"), samples.BASELINE)
    assert (store.sweep("last"), store.envelopes()) == before


def test_a_sealed_sweep_that_was_opened_again_is_not_sealed_again(store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE sweep SET finished = NULL")
    with store.lock(SWEEP_ID), pytest.raises(StoreError, match="sealed it before"):
        samples.finish(store, SWEEP_ID)


def test_a_sweep_with_pending_hosts_is_not_finished(store: Store) -> None:
    with store.lock(SWEEP_ID):
        store.begin(samples.sweep("agent1", "agent2"), samples.BASELINE)
        with store.writer() as opened:
            opened.put(samples.record("agent1"))
        with pytest.raises(StoreError, match="1 of its hosts"):
            samples.finish(store, SWEEP_ID)
    assert (store.header(SWEEP_ID).finished, store.envelopes()) == (None, [])


def test_a_link_that_was_made_for_another_place_is_refused_and_its_sweep_stays_open(store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    second = samples.sweep("agent1", sweep_id="20261123T013000Z-00aa11")
    with store.lock(second.id):
        store.begin(second, samples.BASELINE)
        with store.writer() as opened:
            opened.put(samples.record("agent1", sweep_id=second.id))
        for position in (0, 2):
            with pytest.raises(StoreError, match="1 links"):
                store.finish(second.id, "2026-11-23T02:00:00Z", Link(position, b"second", second.id))
        assert store.header(second.id).finished is None
        store.finish(second.id, "2026-11-23T02:00:00Z", Link(1, b"second", second.id))
    assert store.envelopes()[1] == b"second"


def test_a_snapshot_does_not_see_what_is_written_meanwhile(store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    with store.snapshot() as snapshot:
        assert snapshot.finished() == [SWEEP_ID]
        second = samples.sweep("agent1", sweep_id="20261123T013000Z-00aa11")
        samples.run(store, second, samples.record("agent1", sweep_id=second.id))
        assert snapshot.finished() == [SWEEP_ID]
        assert [link.sweep_id for link in snapshot.links()] == [SWEEP_ID]
    with store.snapshot() as snapshot:
        assert snapshot.finished() == [SWEEP_ID, second.id]
