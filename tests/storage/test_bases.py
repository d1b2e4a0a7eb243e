"""Content that is much like other content is packed against it, and reads, purges and breaks as if it stood alone."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hardencheck.errors import EvidenceError
from hardencheck.model.capture import Capture, Ended, digest
from hardencheck.model.codec import results_to_bytes
from hardencheck.model.manifest import Manifest
from hardencheck.model.outcome import HostState, Platform
from hardencheck.model.sweep import HostResult
from hardencheck.storage import HostRecord, Store, bases, blobs, open_store
from hardencheck.storage.blobs import Content
from tests.storage import samples

PROBES = [f"linux.probe{number}" for number in range(6)]


def sweep_id(day: int) -> str:
    return f"2026{day:04}T013000Z-00aa11"


def answer(name: str, day: int) -> HostRecord:
    """What a host says on a day: long sections, alike on all hosts but for its name, with a line that is the day's."""
    sections, content = {}, {}
    for probe_id in PROBES:
        chance = random.Random(probe_id)
        lines = [f"{chance.random()}\n" for _ in range(300)]
        lines[17] = f"the name is {name}\n"
        if probe_id < PROBES[3]:
            lines[211] = f"on day {day}\n"
        data = Capture(probe_id, "".join(lines).encode()).to_bytes()
        sections[probe_id], content[digest(data)] = digest(data), data
    manifest = Manifest(name, Ended.CLOSED, sections).to_bytes()
    content[digest(manifest)] = manifest
    results = tuple(samples.rule_result(f"rule-{probe}", evidence=sections[probe]) for probe in PROBES)
    result = HostResult(name, HostState.REACHED, labels={"client": "acme"}, manifest=digest(manifest), results=results)
    return HostRecord(sweep_id(day), result, content)


def sweep(store: Store, day: int, *names: str) -> None:
    records = [answer(name, day) for name in names]
    samples.run(store, samples.sweep(*names, sweep_id=sweep_id(day)), *records)


def query(store: Store, statement: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(store.path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def lengths(store: Store) -> dict[str, int]:
    """How many bases stand behind each content."""
    statement = """
        WITH RECURSIVE behind(number, length) AS (
            SELECT number, 0 FROM blob WHERE base IS NULL
            UNION ALL SELECT blob.number, length + 1 FROM blob JOIN behind ON blob.base = behind.number
        ) SELECT hex(digest), length FROM behind JOIN blob USING (number)"""
    return {str(name).lower(): int(str(length)) for name, length in query(store, statement)}


def whole(store: Store, days: range, *names: str) -> None:
    """Everything that these days said can be read, and nothing in the store rests on what is not there."""
    for day in days:
        for name in names:
            said = answer(name, day)
            assert dict(store.blobs(said.blobs)) == dict(said.blobs)
            packed = results_to_bytes(said.result.results)
            assert store.blob(digest(packed)) == packed
    assert query(store, "PRAGMA foreign_key_check") == []
    assert query(store, "SELECT number FROM blob WHERE base >= number") == []


def test_an_ordinary_day_costs_a_few_bytes_for_each_section_that_changed(store: Store) -> None:
    sweep(store, 1, "desk1")
    ((last,),) = query(store, "SELECT max(number) FROM blob")
    alone = [len(blobs.packed(each, data).data) for each, data in answer("desk1", 2).blobs.items()]
    sweep(store, 2, "desk1")
    added = query(store, "SELECT length(data), base FROM blob WHERE number > ?", last)
    assert len(added) == 5, "three sections, their manifest and the results"
    assert all(base is not None for _, base in added)
    assert sum(int(str(size)) for size, _ in added) < sum(alone) / 10
    whole(store, range(1, 3), "desk1")


def test_a_host_that_is_like_another_one_is_packed_against_it(store: Store) -> None:
    sweep(store, 1, "desk1", "desk2")
    behind = lengths(store)
    assert {behind[each] for each in answer("desk1", 1).blobs} == {0}
    captures = answer("desk2", 1).blobs.keys() - {answer("desk2", 1).result.manifest}
    assert {behind[each] for each in captures} == {1}
    whole(store, range(1, 2), "desk1", "desk2")


def test_nothing_rests_on_evidence_of_long_ago(store: Store) -> None:
    days = range(1, bases.DEPTH + 6)
    for day in days:
        sweep(store, day, "desk1", "desk2")
    behind = lengths(store)
    assert max(behind.values()) == bases.DEPTH
    newest = answer("desk1", days[-1]).blobs.keys() - answer("desk1", days[0]).blobs.keys()
    assert max(behind[each] for each in newest) < 6
    whole(store, days, "desk1", "desk2")


def test_hosts_of_another_platform_and_a_host_that_changed_it_are_left_aside(store: Store) -> None:
    sweep(store, 1, "desk1")
    with store._engine.connect() as connection:
        result = answer("desk1", 2).result
        for platform, known in ((Platform.LINUX, {"results linux"}), (Platform.WINDOWS, set())):
            turned = HostResult("desk1", result.state, platform=platform)
            found = bases.Bases().of_host(connection, turned, [f"results {platform.value}"])
            assert {kind for kind, contents in found.items() if contents} == known


def test_a_damaged_base_is_named_and_breaks_what_rests_on_it_alone(store: Store) -> None:
    sweep(store, 1, "desk1")
    sweep(store, 2, "desk1")
    was, now = (answer("desk1", day).result.results[0].evidence for day in (1, 2))
    assert was != now
    query(store, "UPDATE blob SET data = zeroblob(9) WHERE digest = ?", bytes.fromhex(str(was)))
    with pytest.raises(EvidenceError, match=str(was)):
        store.blob(str(now))
    assert store.blob(str(answer("desk1", 2).result.results[5].evidence))


@pytest.mark.parametrize("column", ["manifest", "results"])
def test_what_was_damaged_earlier_does_not_harm_what_is_collected_today(store: Store, column: str) -> None:
    sweep(store, 1, "desk1")
    query(store, f"UPDATE blob SET data = zeroblob(9) WHERE digest IN (SELECT {column} FROM sweep_host)")
    sweep(store, 2, "desk1")
    assert set(lengths(store).values()) == {0}
    damaged = answer("desk1", 1)
    assert store.sweep("last").hosts == (answer("desk1", 2).result,)
    assert dict(store.blobs(answer("desk1", 2).blobs)) == dict(answer("desk1", 2).blobs)
    with pytest.raises(EvidenceError):
        store.blobs([str(damaged.result.manifest), digest(results_to_bytes(damaged.result.results))])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE blob SET base = number WHERE digest = ?", "is packed against content that is gone, or newer"),
        ("UPDATE blob SET base = 4711 WHERE digest = ?", "is packed against content that is gone, or newer"),
        ("UPDATE blob SET base = NULL WHERE digest = ?", "evidence"),
        ("UPDATE blob SET base = base + 1 WHERE digest = ?", "evidence"),
    ],
)
def test_a_base_that_an_insider_changed_is_told(store: Store, statement: str, said: str) -> None:
    sweep(store, 1, "desk1")
    sweep(store, 2, "desk1")
    evidence = str(answer("desk1", 2).result.results[0].evidence)
    query(store, statement, bytes.fromhex(evidence))
    with pytest.raises(EvidenceError, match=said) as caught:
        store.blob(evidence)
    assert caught.value.exit_code == 4


def test_a_chain_without_end_is_not_followed(store: Store) -> None:
    sweep(store, 1, "desk1")
    chance = random.Random(7)
    lines = [f"{chance.random()}\n" for _ in range(300)]
    last: list[Content] = []
    with store._engine.begin() as connection:
        for number in range(blobs.DEPTH + 2):
            lines[number] = "changed\n"
            data = "".join(lines).encode()
            blobs.insert(connection, [blobs.packed(digest(data), data, last)])
            last = [Content(digest(data), data)]
    with pytest.raises(EvidenceError, match=f"has more than {blobs.DEPTH} bases behind it"):
        store.blob(last[0].digest)


def test_content_is_never_stored_without_its_base(store: Store) -> None:
    old, new = (answer("desk1", day).blobs for day in (1, 2))
    (base, _), (changed, data) = next(iter(old.items())), next(iter(new.items()))
    row = blobs.packed(changed, data, [Content(base, old[base])])
    assert row.base == base
    with store._engine.connect() as connection, pytest.raises(EvidenceError, match=base):
        blobs.insert(connection, [row])


def test_what_is_not_alike_is_packed_alone() -> None:
    data, other = (random.Random(seed).randbytes(5000) for seed in (1, 2))
    row = blobs.packed(digest(data), data, [Content(digest(other), other), Content(digest(b""), b"")])
    assert row.base is None
    assert blobs.unpacked(row.digest, row.size, row.data) == data


def test_every_flipped_bit_of_what_is_packed_against_a_base_gives_the_same_bytes_or_an_error() -> None:
    base = b"".join(b"line %d\n" % number for number in range(300))
    data = base.replace(b"line 17\n", b"line 71\n")
    row = blobs.packed(digest(data), data, [Content(digest(base), base)])
    assert row.base is not None
    for position in range(len(row.data) * 8):
        flipped = bytearray(row.data)
        flipped[position // 8] ^= 1 << position % 8
        try:
            assert blobs.unpacked(row.digest, row.size, bytes(flipped), base) == data
        except EvidenceError:
            continue


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "MEMORY", 1000)
    known = bases.Bases()
    for number in range(50):
        data = bytes([number]) * 300
        known.keep({f"kind {number % 7}": Content(digest(data), data)})
        assert sum(len(each.data) for kept in known._others.values() for each in kept) <= 1000


@pytest.mark.parametrize("order", [(1,), (2,), (1, 2), (2, 1), (3,), (4, 1, 3, 2)])
def test_a_purge_packs_anew_what_rests_on_what_goes(store: Store, order: tuple[int, ...]) -> None:
    names = ("desk1", "desk2", "desk3")
    for day in range(1, 6):
        sweep(store, day, *names)
    gone = set()
    with store.lock("purge"):
        for day in order:
            store.forget([sweep_id(day)], None)
            gone.add(day)
            left = [each for each in range(1, 6) if each not in gone]
            needed = {digest(samples.BASELINE)}
            for name in names:
                for each in left:
                    whole(store, range(each, each + 1), name)
                    said = answer(name, each)
                    needed |= {*said.blobs, digest(results_to_bytes(said.result.results))}
            assert {str(each).lower() for (each,) in query(store, "SELECT hex(digest) FROM blob")} == needed


def test_nothing_of_a_purged_sweep_is_left_in_the_file(tmp_path: Path) -> None:
    """The base goes with all of its bytes, also those that what stays has never used."""
    with open_store(tmp_path / "h.db") as store:
        sweep(store, 1, "desk1")
        sweep(store, 2, "desk1")
        frames = query(store, "SELECT data FROM blob WHERE base IS NULL AND length(data) > 500")
        with store.lock("purge"):
            store.forget([sweep_id(1)], None)
        whole(store, range(2, 3), "desk1")
    file = store.path.read_bytes()
    # each is shorter than a page, so that it stands in one piece
    left = [data for (data,) in frames if isinstance(data, bytes) and data in file]
    assert (len(frames), len(left)) == (6, 3), "three sections were the same on both days"
