from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from hardencheck.errors import EvidenceError
from hardencheck.model.capture import digest
from hardencheck.model.chain import Link
from hardencheck.model.codec import results_to_bytes
from hardencheck.storage import Store, blobs, open_store
from tests.storage import samples


def tampered(path: Path, digest_: str, data: bytes, size: int | None = None) -> None:
    connection = sqlite3.connect(path)
    with connection:
        done = connection.execute(
            "UPDATE blob SET data = ?, size = coalesce(?, size) WHERE digest = ?", (data, size, bytes.fromhex(digest_))
        )
    connection.close()
    assert done.rowcount == 1


def raw(path: Path, digest_: str) -> bytes:
    connection = sqlite3.connect(path)
    (data,) = connection.execute("SELECT data FROM blob WHERE digest = ?", (bytes.fromhex(digest_),)).fetchone()
    connection.close()
    assert isinstance(data, bytes)
    return data


def test_one_flipped_byte_in_any_blob_is_told_with_its_digest(tmp_path: Path, store: Store) -> None:
    record = samples.record("agent1")
    samples.run(store, samples.sweep("agent1"), record)
    for each in record.blobs:
        data = bytearray(raw(store.path, each))
        data[-1] ^= 1
        tampered(store.path, each, bytes(data))
        with pytest.raises(EvidenceError, match=each) as caught:
            store.blob(each)
        assert caught.value.exit_code == 4
    with pytest.raises(EvidenceError):
        store.manifest(str(record.result.manifest))


def test_tampered_results_are_never_shown(store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    good = samples.record("agent1").result.results
    packed = digest(results_to_bytes(good))
    forged = results_to_bytes([samples.rule_result("rule-1")])
    tampered(store.path, packed, zstandard.compress(forged), len(forged))
    with pytest.raises(EvidenceError, match=packed):
        store.sweep("last")
    with pytest.raises(EvidenceError, match=packed):
        store.host("agent1")
    with pytest.raises(EvidenceError, match=packed):
        list(store.hosts(samples.SWEEP_ID))


def test_every_flipped_bit_gives_the_same_bytes_or_an_error() -> None:
    content = b"one section of one host\n" * 20
    row = blobs.packed(digest(content), content)
    stored = row.data
    assert isinstance(stored, bytes)
    refused = 0
    for position in range(len(stored) * 8):
        flipped = bytearray(stored)
        flipped[position // 8] ^= 1 << position % 8
        try:
            assert blobs.unpacked(digest(content), len(content), bytes(flipped)) == content
        except EvidenceError:
            refused += 1
    assert refused > len(stored) * 8 * 0.9


@pytest.mark.parametrize("declared", [1 << 30, 1 << 40])
def test_a_frame_that_declares_too_much_is_refused_before_it_is_unpacked(declared: int) -> None:
    bomb = zstandard.ZstdCompressor(level=3, write_content_size=True).compressobj(size=declared)
    start = bomb.compress(b"\0" * 1000) + bomb.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    for size in (1000, declared):
        with pytest.raises(EvidenceError, match="would unpack to"):
            blobs.unpacked("ab" * 32, size, start)


def test_what_is_no_whole_frame_of_known_size_is_refused() -> None:
    whole, unsized = (
        zstandard.ZstdCompressor(write_content_size=sized).compress(b"x" * 900) for sized in (True, False)
    )
    assert blobs.unpacked(digest(b"x" * 900), 900, whole) == b"x" * 900
    for data in (b"", b"no frame", whole[:-3], whole[:7], unsized):
        with pytest.raises(EvidenceError):
            blobs.unpacked(digest(b"x" * 900), 900, data)


def test_what_is_too_large_is_not_stored() -> None:
    data = bytes(blobs.MAX_BYTES + 1)
    with pytest.raises(EvidenceError, match="more than"):
        blobs.packed(digest(data), data)
    whole = data[1:]
    row = blobs.packed(digest(whole), whole)
    stored = row.data
    assert isinstance(stored, bytes)
    assert blobs.unpacked(digest(whole), len(whole), stored) == whole


def test_an_empty_blob_comes_back_empty(store: Store) -> None:
    row = blobs.packed(digest(b""), b"")
    stored = row.data
    assert isinstance(stored, bytes)
    assert blobs.unpacked(digest(b""), 0, stored) == b""


def test_a_digest_that_is_not_stored_is_named(store: Store) -> None:
    with pytest.raises(EvidenceError, match="ab" * 32):
        store.blob("ab" * 32)


def test_content_that_is_not_what_its_place_says_is_refused(store: Store) -> None:
    record = samples.record("agent1")
    samples.run(store, samples.sweep("agent1"), record)
    capture = next(iter(record.blobs))
    with pytest.raises(EvidenceError, match="no list of captures"):
        store.manifest(capture)
    manifest = store.manifest(str(record.result.manifest))
    swapped = type(manifest)(manifest.host, manifest.ended, {"linux.probe0": str(record.result.manifest)})
    with pytest.raises(EvidenceError, match=r"no capture of linux\.probe0"):
        store.captures(swapped)


@pytest.mark.parametrize(
    "change",
    [
        "sweep SET started = 'x'",
        "sweep SET finished = 'x'",
        "sweep SET settings = '8'",
        "sweep SET baseline_digest = 'x'",
        "sweep SET baseline_digest = 1 << 60",
        "sweep_host SET labels = '[1'",
        "sweep_host SET groups = '8'",
        "sweep_host SET state = 'fine'",
        "sweep_host SET platform = 8",
        "sweep_host SET message = '\\x'",
        "sweep_host SET results = 'x'",
        "blob SET data = 8.5",
        "chain SET envelope = 'x'",
        "chain SET envelope = 1 << 60",
    ],
)
def test_a_row_that_was_never_written_so_is_no_internal_error(tmp_path: Path, store: Store, change: str) -> None:
    planned = samples.sweep("agent1")
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE)
        with store.writer() as writer:
            writer.put(samples.record("agent1"))
        store.finish(planned.id, "2026-11-22T02:00:00Z", Link(0, b"envelope", planned.id))
    with closing(sqlite3.connect(samples.database(tmp_path))) as connection, connection:
        assert connection.execute(f"UPDATE {change}").rowcount
    with pytest.raises(EvidenceError) as caught:
        (store.sweep("last"), store.blob(planned.baseline_digest), store.envelopes())
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    "added",
    [
        "CREATE TRIGGER quiet AFTER INSERT ON sweep_host BEGIN UPDATE sweep_host SET reason = ''; END",
        "CREATE VIEW quiet AS SELECT 1",
    ],
)
def test_a_store_that_does_something_by_itself_is_not_opened(tmp_path: Path, added: str) -> None:
    path = samples.database(tmp_path)
    open_store(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(added)
    with pytest.raises(EvidenceError, match=f"somebody has added {added.split()[1].lower()} quiet") as caught:
        open_store(path)
    assert caught.value.exit_code == 4
