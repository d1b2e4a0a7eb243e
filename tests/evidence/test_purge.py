"""Old sweeps go, and the chain still proves that they were, and that what stays is whole."""

from __future__ import annotations

import base64
import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hardencheck.errors import EvidenceError, StoreError, UsageError
from hardencheck.evidence import dsse, statement
from hardencheck.evidence.chain import Purged, checkpoint_of, log_of, purge, seal_sweep
from hardencheck.model.chain import Link
from hardencheck.storage import Store, open_store
from tests.evidence.chains import KEY, broken, change, proved
from tests.storage import samples

NAMES = ("agent1", "agent2")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(samples.database(tmp_path)) as opened:
        yield opened


def day(number: int) -> str:
    return f"2026-11-{number:02}T02:00:00Z"


def name(number: int) -> str:
    return f"202611{number:02}T013000Z-00aa11"


def sweep(store: Store, number: int, *, same: bool = False, finish: bool = True) -> None:
    """Sweep two hosts on one day of November; with `same`, their captures are those of every other such day."""
    planned = samples.sweep(*NAMES, sweep_id=name(number), started=f"2026-11-{number:02}T01:30:00Z")
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE)
        with store.writer() as writer:
            for each in NAMES if finish else NAMES[:1]:
                own = each if same else f"{each}-{number}"
                record = samples.record(own, sweep_id=planned.id)
                if not same:
                    record = samples.record(each, samples.rule_result(own), sweep_id=planned.id)
                writer.put(record)
        if finish:
            seal_sweep(store, planned.id, day(number), KEY)


def purged(store: Store, before: str) -> Purged:
    with store.lock("test", kind="purge"):
        return purge(store, before, "2026-12-01T00:00:00Z", KEY)


def contents(store: Store) -> set[str]:
    with closing(sqlite3.connect(store.path)) as connection:
        return {bytes(each).hex() for (each,) in connection.execute("SELECT digest FROM blob")}


def needed(store: Store) -> set[str]:
    """What the sweeps that are left rest on, by what the store says of them."""
    found: set[str] = set()
    with store.snapshot() as snapshot:
        for each in store.sweeps(100):
            found.add(each.baseline_digest)
            for host in snapshot.hosts(each.id):
                if host.result.manifest is None or host.results is None:
                    continue
                found |= {host.results, host.result.manifest}
                found |= set(store.manifest(host.result.manifest).sections.values())
    return found


def test_the_chain_still_proves_what_is_left(store: Store) -> None:
    for number in (1, 2, 3, 4):
        sweep(store, number, same=number in (2, 4))
    findings = store.findings("all")
    before = [checkpoint_of(store.envelopes()[:size]) for size in (1, 2, 3, 4)]
    assert purged(store, day(3)) == Purged(2, 0, 2)
    found = proved(store)
    assert (found.sweeps, found.purged, found.hosts) == (4, 2, 4)
    assert [each.id for each in store.sweeps()] == [name(4), name(3)]
    assert store.findings("all") == findings
    assert contents(store) == needed(store)
    for each in before:
        assert broken(store, each) == ""
    sweep(store, 5)
    assert proved(store).hosts == 6
    assert purged(store, day(6)).sweeps == 3
    assert (proved(store).purged, contents(store)) == (5, set())


def test_the_envelope_names_what_was_purged(store: Store) -> None:
    for number in (1, 2):
        sweep(store, number)
    first = store.envelopes()[0]
    purged(store, day(2))
    body = json.loads(base64.b64decode(json.loads(store.envelopes()[2])["payload"]))
    assert [each["name"] for each in body["subject"]] == [name(1)]
    assert (body["predicate"]["purged"], body["predicate"]["ended_before"]) == ("2026-12-01T00:00:00Z", day(2))
    with store.snapshot() as snapshot:
        links = list(snapshot.links())
    assert (links[0].envelope, len(links[0].hashes()), links[0].salt) == (first, 2, None)
    assert links[1].salt is not None


def test_nothing_old_is_no_link(store: Store) -> None:
    sweep(store, 5)
    assert purged(store, day(5)) == Purged(0, 0, 0)
    assert len(store.envelopes()) == 1


def test_unfinished_sweeps_go_without_a_word_in_the_chain(store: Store) -> None:
    sweep(store, 1, finish=False)
    sweep(store, 2)
    done = purged(store, day(2))
    assert (done.sweeps, done.unfinished) == (0, 1)
    assert (proved(store).purged, len(store.envelopes())) == (0, 1)
    assert contents(store) == needed(store)


def test_content_that_goes_otherwise_is_missed(store: Store) -> None:
    for number in (1, 2, 3):
        sweep(store, number)
    purged(store, day(2))
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("DELETE FROM sweep_host WHERE sweep = 2")
        connection.execute("DELETE FROM sweep WHERE number = 2")
    assert broken(store) == f"sweep {name(2)}: it is gone, expected it as sealed, or a purge that names it"


def test_a_purged_sweep_that_comes_back_is_not_taken_for_what_was_sealed(store: Store) -> None:
    sweep(store, 1)
    sweep(store, 2)
    with closing(sqlite3.connect(store.path)) as connection:
        salt = connection.execute("SELECT salt FROM chain WHERE position = 0").fetchone()[0]
    purged(store, day(2))
    planned = samples.sweep(*NAMES, sweep_id=name(1), started="2026-11-01T01:30:00Z")
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE)
        with store.writer() as writer:
            for each in NAMES:
                writer.put(samples.record(each, samples.rule_result("better"), sweep_id=planned.id))
    for value in (None, salt):
        with closing(sqlite3.connect(store.path)) as connection, connection:
            connection.execute("UPDATE sweep SET finished = ? WHERE id = ?", (day(1), name(1)))
            connection.execute("UPDATE chain SET salt = ? WHERE position = 0", (value,))
        assert f"sweep {name(1)}: " in broken(store)


def test_a_damaged_list_of_captures_stops_a_purge(store: Store) -> None:
    for number in (1, 2):
        sweep(store, number)
    manifest = store.sweep(name(2)).hosts[0].manifest
    assert manifest
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE blob SET size = size + 1 WHERE digest = ?", (bytes.fromhex(manifest),))
    before = contents(store)
    with pytest.raises(EvidenceError, match=manifest):
        purged(store, day(2))
    assert (contents(store), len(store.sweeps()), len(store.envelopes())) == (before, 2, 2)


def test_what_is_purged_is_gone_from_the_file(store: Store) -> None:
    for number in (1, 2):
        planned = samples.sweep(f"desk-of-day-{number}", sweep_id=name(number))
        with store.lock(planned.id):
            store.begin(planned, samples.BASELINE)
            with store.writer() as writer:
                writer.put(samples.record(f"desk-of-day-{number}", samples.rule_result("rule"), sweep_id=planned.id))
            seal_sweep(store, planned.id, day(number), KEY)
    purged(store, day(2))
    store.close()
    content = store.path.read_bytes()
    assert b"desk-of-day-2" in content
    assert b"desk-of-day-1" not in content


def test_a_purge_needs_the_lock(store: Store) -> None:
    sweep(store, 1)
    with pytest.raises(StoreError, match="lock"):
        purge(store, day(2), day(2), KEY)
    with store.lock("x"), pytest.raises(UsageError):
        store.header("nothing")
    assert proved(store).sweeps == 1


def test_any_order_of_sweeps_and_purges_keeps_what_is_needed_and_nothing_else(store: Store) -> None:
    chance = random.Random(9)
    oldest = 1
    for number in range(1, 26):
        sweep(store, number, same=chance.random() < 0.5, finish=chance.random() < 0.9)
        if chance.random() < 0.3:
            oldest = chance.randint(oldest, number)
            purged(store, day(oldest))
            assert contents(store) == needed(store)
            assert broken(store) == ""
    assert proved(store).purged > 3


@pytest.mark.parametrize("row", ["finished = '2020-01-01T00:00:00Z'", "finished = NULL, started = '2020-01-01'"])
def test_a_sweep_that_its_row_alone_calls_old_is_not_purged(store: Store, row: str) -> None:
    """Who may write the store but has no key must not have the true key sign that a sweep is gone."""
    sweep(store, 20)
    before = contents(store)
    change(store, f"UPDATE sweep SET {row}")
    with pytest.raises(EvidenceError, match=f"sweep {name(20)}: its row says that it ended before 2025"):
        purged(store, "2025-01-01T00:00:00Z")
    assert contents(store) == before


def test_a_sweep_without_its_link_is_not_taken_for_one_that_never_ended(store: Store) -> None:
    sweep(store, 1)
    change(store, "UPDATE chain SET sweep_id = NULL")
    with pytest.raises(EvidenceError, match="nothing that is sealed says so"):
        purged(store, day(2))


def test_a_signed_purge_of_what_was_not_old_is_a_broken_link(store: Store) -> None:
    """As an earlier version signed it, which believed the rows."""
    sweep(store, 20)
    (envelope,) = store.envelopes()
    said = statement.of_purge({name(20): envelope}, day(21), "2025-01-01T00:00:00Z", log_of([envelope]))
    with store.lock("test", kind="purge"):
        store.forget([name(20)], Link(1, dsse.wrap(said, KEY)))
    assert f"it purges what ended before 2025-01-01T00:00:00Z; sweep {name(20)} ended at {day(20)}" in broken(store)
