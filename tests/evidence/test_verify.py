"""Every change of a sealed store is found, and its place is named; also changes by somebody who holds the key."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from hardencheck.errors import EvidenceError
from hardencheck.evidence.chain import checkpoint_of, seal_sweep
from hardencheck.evidence.source import StoreSource
from hardencheck.evidence.verify import verify
from hardencheck.model.outcome import Outcome
from hardencheck.model.roster import Roster
from hardencheck.storage import Store, open_store
from hardencheck.storage.chain import Snapshot
from tests.evidence import chains
from tests.evidence.chains import KEY, STRANGER, broken, change, history, insider, proved, seal, sweep_id
from tests.evidence.memory import MemorySource, taken_from
from tests.storage import samples

#: of the bits of all evidence, and of all rows, one in so many is flipped; all of them were, once
STRIDE, ROW_STRIDE = 11, 47


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(samples.database(tmp_path)) as opened:
        yield opened


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_what_is_sealed_is_proved(store: Store) -> None:
    history(store, 3, "agent1", "agent2", "agent3")
    found = proved(store)
    assert (found.sweeps, found.purged, found.hosts, found.captures) == (3, 0, 9, 18)
    assert found.signers == {KEY.verifier.keyid}
    assert found.head == checkpoint_of(store.envelopes())


def test_a_sweep_without_any_host_is_sealed_too(store: Store) -> None:
    seal(store, 0)
    assert proved(store).hosts == 0


def test_an_unfinished_sweep_is_no_part_of_the_chain(store: Store) -> None:
    history(store, 1, "agent1")
    planned = samples.sweep("agent1", "agent2", sweep_id=sweep_id(1))
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE)
        with store.writer() as writer:
            writer.put(samples.record("agent1", sweep_id=planned.id))
    assert proved(store).sweeps == 1


def test_an_earlier_sweep_cannot_be_made_the_last_one(store: Store) -> None:
    history(store, 3, "agent1")
    with insider(store) as connection:
        connection.exec_driver_sql("UPDATE sweep SET number = 9 WHERE number = 1")
        connection.exec_driver_sql("UPDATE sweep_host SET sweep = 9 WHERE sweep = 1")
    assert store.resolve("last") == sweep_id(0)
    assert broken(store) == f"sweep {sweep_id(1)}: it stands in the place of {sweep_id(0)}, which was sealed before"


def test_host_text_of_any_kind_is_sealed_as_it_is(store: Store) -> None:
    record = samples.record("agent\u202e1")
    hostile = replace(record.result, message='\x1b[31m"\\u0000\x00\udcff', system="\U0001f984\ud83d", reason="\n")
    seal(store, 0, replace(record, sweep_id=sweep_id(0), result=hostile))
    assert proved(store).hosts == 1


def test_a_roster_is_part_of_what_is_sealed(store: Store) -> None:
    roster = Roster(())
    planned = replace(samples.sweep(sweep_id=sweep_id(0)), roster_digest=roster.digest)
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE, roster.to_bytes())
        seal_sweep(store, planned.id, chains.FINISHED, KEY)
    proved(store)
    change(store, "DELETE FROM blob WHERE digest = ?", bytes.fromhex(roster.digest))
    assert roster.digest in broken(store)


# --- every bit


def test_every_bit_of_all_evidence_counts(store: Store) -> None:
    history(store, 2, "agent1", "agent2")
    source = taken_from(store)
    trusted = [KEY.verifier]
    proof = verify(source, trusted)
    assert (proof.sweeps, proof.hosts, proof.captures) == (2, 4, 6)
    tried = 0

    def hold(flip: Callable[[int], MemorySource], size: int) -> None:
        nonlocal tried
        for bit in range(0, size * 8, STRIDE):
            with pytest.raises(EvidenceError):
                verify(flip(bit), trusted)
            tried += 1

    for number, link in enumerate(source.chain):

        def with_link(changed: Any, at: int = number) -> MemorySource:
            return replace(source, chain=[*source.chain[:at], changed, *source.chain[at + 1 :]])

        hold(lambda b, i=link, w=with_link: w(replace(i, envelope=flipped(i.envelope, b))), len(link.envelope))  # type: ignore[misc]
        hold(lambda b, i=link, w=with_link: w(replace(i, leaves=flipped(i.leaves, b))), len(link.leaves))  # type: ignore[misc]
    for name, leaves in source.hosts.items():
        for place, leaf in leaves.items():
            hold(
                lambda b, n=name, p=place, x=leaf: replace(  # type: ignore[misc]
                    source, hosts=source.hosts | {n: source.hosts[n] | {p: flipped(x, b)}}
                ),
                len(leaf),
            )
    for address, data in source.content.items():
        hold(
            lambda b, a=address, x=data: replace(source, content=source.content | {a: flipped(x, b)}),  # type: ignore[misc]
            len(data),
        )
    assert tried * STRIDE > 40_000


def test_no_bit_of_a_row_changes_what_is_proved(store: Store) -> None:
    """A flip is found, or changes nothing: a compressed frame has bits that its content does not depend on."""
    history(store, 2, "agent1", "agent2")
    whole = everything(store)
    harmless = tried = 0
    with insider(store) as connection:
        for count, (statement, value, key) in enumerate(flips(connection)):
            if count % ROW_STRIDE:
                continue
            tried += 1
            try:
                connection.exec_driver_sql(statement, (value, *key))
                verify(StoreSource(Snapshot(connection)), [KEY.verifier])
            except (EvidenceError, SQLAlchemyError):
                continue
            else:
                harmless += 1
                assert everything(store, connection) == whole, (statement, key)
            finally:
                connection.rollback()
    assert tried * ROW_STRIDE > 40_000
    assert harmless < tried // 20


def everything(store: Store, connection: Connection | None = None) -> list[Any]:
    """All that a store says of its chain: sweeps, hosts, content."""
    if connection is None:
        with store._engine.connect() as own:
            return everything(store, own)
    view = Snapshot(connection)
    addresses = [bytes(each).hex() for each in connection.exec_driver_sql("SELECT digest FROM blob").scalars()]
    sweeps = [(view.sweep(each), list(view.hosts(each))) for each in view.finished()]
    return [list(view.links()), sweeps, {each: view.blob(each) for each in addresses}]


def flips(connection: Connection) -> Iterator[tuple[str, Any, list[Any]]]:
    """Yield every row's every value with one bit flipped, as a statement, the value, and the row's key."""
    keys = {"chain": ["position"], "sweep": ["number"], "sweep_host": ["sweep", "position"], "blob": ["number"]}
    for table, names in keys.items():
        cursor = connection.exec_driver_sql(f"SELECT * FROM {table}")
        columns = list(cursor.keys())
        for row in cursor.all():
            where = " AND ".join(f"{name} = ?" for name in names)
            key = [row[columns.index(name)] for name in names]
            for column, value in zip(columns, row, strict=True):
                for changed, cast in variants(value):
                    yield f"UPDATE {table} SET {column} = {cast} WHERE {where}", changed, key


def variants(value: Any) -> Iterator[tuple[Any, str]]:
    match value:
        case bytes():
            yield from ((flipped(value, bit), "?") for bit in range(len(value) * 8))
        case str():
            data = value.encode()
            yield from ((flipped(data, bit), "CAST(? AS TEXT)") for bit in range(len(data) * 8))
        case float():
            for bit in range(64):
                yield struct.unpack(">d", flipped(struct.pack(">d", value), bit))[0], "?"
        case int():
            yield from ((value ^ 1 << bit, "?") for bit in range(63))


# --- records


def test_a_dropped_host_is_named(store: Store) -> None:
    history(store, 2, "agent1", "agent2", "agent3")
    for place in (1, 2):
        change(store, "DELETE FROM sweep_host WHERE sweep = 2 AND position = ?", place)
        assert broken(store).startswith(f"sweep {sweep_id(1)}: host number {place + 1} of 3 is gone") or place == 2
    assert "host number 2 of 3 is gone" in broken(store)


def test_the_last_host_may_not_be_dropped_either(store: Store) -> None:
    history(store, 1, "agent1", "agent2")
    change(store, "DELETE FROM sweep_host WHERE position = 1")
    assert broken(store) == f"sweep {sweep_id(0)}: host number 2 of 2 is gone"


def test_an_added_host_is_found(store: Store) -> None:
    history(store, 1, "agent1")
    columns = "state, reason, message, labels, groups, system, platform, skew, duration, manifest, results"
    change(store, f"INSERT INTO sweep_host (sweep, position, host, {columns}) "
                  f"SELECT sweep, 1, 'agent9', {columns} FROM sweep_host")  # fmt: skip
    assert "host number 2, expected 1 hosts" in broken(store)


def test_swapped_hosts_are_found(store: Store) -> None:
    history(store, 1, "agent1", "agent2")
    change(store, "UPDATE sweep_host SET position = 7 WHERE position = 0")
    change(store, "UPDATE sweep_host SET position = 0 WHERE position = 1")
    change(store, "UPDATE sweep_host SET position = 1 WHERE position = 7")
    assert broken(store).startswith(f"sweep {sweep_id(0)}: host agent2: what is stored of it has the leaf hash")


@pytest.mark.parametrize(
    ("column", "value"),
    [("state", "reached"), ("message", ""), ("labels", '{"client":"other"}'), ("host", "agent9"), ("duration", 0.5),
     ("results", None), ("groups", '["all"]'), ("platform", "windows"), ("skew", 0.0), ("system", "")],
)  # fmt: skip
def test_a_changed_row_is_found(store: Store, column: str, value: Any) -> None:
    history(store, 1, "agent1", "agent2")
    change(store, f"UPDATE sweep_host SET {column} = ? WHERE position = 1", value)
    assert f"sweep {sweep_id(0)}: host " in broken(store) or value == ""


@pytest.mark.parametrize(
    ("column", "name"),
    [("started", "sweep"), ("finished", "sweep"), ("baseline_id", "baseline"), ("baseline_version", "baseline"),
     ("collector_digest", "collector_digest"), ("settings", "settings_digest")],
)  # fmt: skip
def test_a_changed_sweep_is_found(store: Store, column: str, name: str) -> None:
    history(store, 2, "agent1")
    value = "2026-01-01T00:00:00Z" if name == "sweep" else "{}"
    change(store, f"UPDATE sweep SET {column} = ? WHERE number = 2", value)
    assert f"sweep {sweep_id(1)}: its {name} is" in broken(store)


def test_better_results_than_those_that_were_sealed_are_found(store: Store) -> None:
    history(store, 1, "agent1")
    better = samples.record("agent9", samples.rule_result("rule-1", Outcome.PASS), sweep_id=sweep_id(1), same=True)
    seal(store, 1, better)
    change(store, "UPDATE sweep_host SET results = (SELECT results FROM sweep_host WHERE sweep = 2) WHERE sweep = 1")
    assert broken(store).startswith(f"sweep {sweep_id(0)}: host agent1: what is stored of it")


def test_lost_and_damaged_content_is_named_by_host_and_section(store: Store) -> None:
    history(store, 1, "agent1")
    found = proved(store)
    assert found.captures == 3
    manifest = store.manifest(str(store.sweep("last").hosts[0].manifest))
    address = manifest.sections["linux.probe1"]
    other = manifest.sections["linux.probe0"]
    place = f"sweep {sweep_id(0)}: host agent1: section linux.probe1: evidence {address}: "
    change(store, "UPDATE blob SET (data, size) = (SELECT data, size FROM blob WHERE digest = ?) WHERE digest = ?",
           bytes.fromhex(other), bytes.fromhex(address))  # fmt: skip
    assert broken(store) == place + "the stored bytes have another digest"
    change(store, "DELETE FROM blob WHERE digest = ?", bytes.fromhex(address))
    assert broken(store) == place + "the store does not hold it"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_dropped_link_is_found(store: Store, number: int) -> None:
    history(store, 3, "agent1")
    change(store, "DELETE FROM chain WHERE position = ?", number)
    expected = (
        f"link {number} of the chain is missing" if number < 2 else f"sweep {sweep_id(2)}: it is finished, expected"
    )
    assert broken(store).startswith(expected)


def test_links_that_are_pushed_together_are_found(store: Store) -> None:
    history(store, 3, "agent1")
    change(store, "DELETE FROM chain WHERE position = 1")
    change(store, "UPDATE chain SET position = 1 WHERE position = 2")
    assert broken(store).startswith(f"link 1 of the chain ({sweep_id(2)}): it continues the log")


def test_swapped_and_repeated_envelopes_are_found(store: Store) -> None:
    history(store, 2, "agent1")
    first, second = store.envelopes()
    change(store, "UPDATE chain SET envelope = ? WHERE position = 0", second)
    assert broken(store).startswith(f"link 0 of the chain ({sweep_id(0)}): it continues the log")
    change(store, "UPDATE chain SET envelope = ?, sweep_id = 'x' WHERE position = 1", second)
    change(store, "UPDATE chain SET envelope = ? WHERE position = 0", first)
    assert broken(store) == f"link 1 of the chain (x): it is about {sweep_id(1)}, expected sweep x"
    change(store, "UPDATE chain SET sweep_id = ? WHERE position = 1", sweep_id(1))
    assert broken(store) == ""
    again = "SELECT 2, NULL, envelope, leaves FROM chain WHERE position = 1"
    change(store, f"INSERT INTO chain (position, sweep_id, envelope, leaves) {again}")
    assert broken(store).startswith("link 2 of the chain")


def test_a_sweep_may_not_vanish_with_its_rows_only(store: Store) -> None:
    history(store, 2, "agent1")
    change(store, "DELETE FROM sweep_host WHERE sweep = 1")
    change(store, "DELETE FROM sweep WHERE number = 1")
    assert broken(store) == f"sweep {sweep_id(0)}: it is gone, expected it as sealed, or a purge that names it"


def test_a_sweep_that_is_opened_again_is_found(store: Store) -> None:
    history(store, 1, "agent1")
    change(store, "UPDATE sweep SET finished = NULL")
    assert broken(store) == f"sweep {sweep_id(0)}: it is gone, expected it as sealed, or a purge that names it"


def test_a_strangers_signature_does_not_count(store: Store) -> None:
    history(store, 1, "agent1")
    seal(store, 1, samples.record("agent1", sweep_id=sweep_id(1)), key=STRANGER)
    assert broken(store).startswith(
        f"link 1 of the chain ({sweep_id(1)}): it is signed by key {STRANGER.verifier.keyid[:16]}"
    )
    with store.snapshot() as snapshot:
        found = verify(StoreSource(snapshot), [KEY.verifier, STRANGER.verifier])
    assert found.signers == {KEY.verifier.keyid, STRANGER.verifier.keyid}


# --- a part of it, from elsewhere


def test_a_part_of_the_hosts_is_proved_without_the_others(store: Store) -> None:
    history(store, 2, "agent1", "agent2", "agent3")
    whole = taken_from(store)
    leaf = whole.hosts[sweep_id(1)][1]
    part = replace(whole, whole=False, hosts={sweep_id(1): {1: leaf}})
    found = verify(part, [KEY.verifier])
    assert (found.sweeps, found.hosts, found.captures) == (2, 1, 3)
    assert b"agent1" not in b"".join([*(link.envelope for link in part.chain), leaf])
    with pytest.raises(EvidenceError, match=r"is gone"):
        verify(replace(part, whole=True), [KEY.verifier])
    with pytest.raises(EvidenceError, match=r"host agent2: what is stored of it"):
        verify(replace(part, hosts={sweep_id(1): {0: leaf}}), [KEY.verifier])
    with pytest.raises(EvidenceError, match=r"host number 9, expected 3 hosts"):
        verify(replace(part, hosts={sweep_id(1): {8: leaf}}), [KEY.verifier])
    sections = store.manifest(str(store.sweep(sweep_id(1)).hosts[1].manifest)).sections
    less = {address: data for address, data in part.content.items() if address != sections["linux.probe0"]}
    with pytest.raises(EvidenceError, match=r"section linux.probe0: evidence .* not here"):
        verify(replace(part, content=less), [KEY.verifier])
