"""The one writer of a store: a thread that owns the write connection and commits whole hosts, some at a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine

from hardencheck.errors import EvidenceError, HardencheckError, StoreError
from hardencheck.model.capture import digest as digest_of
from hardencheck.model.codec import ResultsWriter
from hardencheck.model.outcome import HostState
from hardencheck.model.sweep import HostResult
from hardencheck.storage import bases, blobs, findings, sweeps
from hardencheck.storage.failure import explained
from hardencheck.storage.sqlite import for_writing

#: One transaction holds at most so many hosts, and waits at most so many seconds for them.
BATCH = 10
PATIENCE = 0.25
#: So many hosts may wait for the disk before `put` makes its caller wait.
QUEUE = 4 * BATCH
#: So many digests are remembered as stored; beyond, the store is asked again.
REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One host's result and the content it rests on: captures and their manifest, each under its digest."""

    sweep_id: str
    result: HostResult
    blobs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record made ready in its caller's thread: only rows are left to be written."""

    record: HostRecord
    packed: str
    rows: list[blobs.Packed]
    #: content that is packed alone, by its kind: what comes later may be packed against it
    alone: dict[str, blobs.Content]


class Writer:
    """Takes host records from any thread and commits them in order.

    What was put is durable when `close` (or the `with` block) returns without an error. After a failure nothing more
    is written, and `put` and `close` raise the StoreError.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self._readers = engine
        self._engine = for_writing(engine)
        self._path = path
        self._queue: queue.Queue[_Entry | None] = queue.Queue(QUEUE)
        self._failure: HardencheckError | None = None
        self._ended_well = False
        self._order = threading.Lock()
        self._stored: set[bytes] = set()
        self._bases = bases.Bases()
        self._results = ResultsWriter()
        self._sweeps: dict[str, tuple[int, str]] = {}
        # a daemon: a run that dies without closing its writer must not hang, and the database bears it like a kill
        self._thread = threading.Thread(target=self._run, name="hardencheck-store", daemon=True)
        self._thread.start()

    def put(self, record: HostRecord) -> None:
        """Hand one host over; waits while the disk is behind.

        Raises StoreError when an earlier record could not be written, EvidenceError when a blob is not what its digest
        says or the result names evidence that is neither handed over nor stored, ValueError when the result cannot be
        written as JSON or the host is still pending.
        """
        entry = self._ready(record)
        with self._order:
            self._raise_failure()
            self._enqueue(entry)
            # only now: whoever relies on these digests must come later in the queue
            if len(self._stored) > REMEMBERED:
                self._stored.clear()
            self._stored.update(bytes.fromhex(row.digest) for row in entry.rows)
            self._bases.keep(entry.alone)

    def close(self) -> None:
        """Commit what is waiting and end the thread; raises StoreError when anything could not be written."""
        if not self._ended_well:
            self._enqueue(None)
            self._thread.join()
        self._raise_failure()
        self._require(self._ended_well)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except HardencheckError as failure:
            if failure is not error:
                raise

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _require(self, running: bool) -> None:
        if not running:
            raise StoreError(f"store {self._path}: its writer has ended, nothing more is written")

    def _enqueue(self, entry: _Entry | None) -> None:
        """Wait for a free place, as long as there is a thread that could make one."""
        while True:
            self._require(self._thread.is_alive())
            try:
                self._queue.put(entry, timeout=1.0)
            except queue.Full:
                continue
            return

    def _ready(self, record: HostRecord) -> _Entry:
        """Do in the caller's thread what needs no write lock: pack, compress, see what the store already holds."""
        if record.result.state is HostState.PENDING:
            raise ValueError(f"host {record.result.host}: a pending host has no result to store")
        results = self._results.to_bytes(record.result.results)
        packed = digest_of(results)
        content = {**record.blobs, packed: results}
        evidence = {each.evidence for each in record.result.results} | {record.result.manifest}
        named = content.keys() | {digest for digest in evidence if digest is not None}
        kinds = bases.kinds(record.result.platform, packed, record.result.manifest, content)
        with explained(self._path), self._readers.connect() as connection:
            absent = self._absent(connection, named)
            if missing := absent - content.keys():
                raise EvidenceError(
                    f"host {record.result.host}: its result names evidence {min(missing)}, which was not collected"
                )
            known = self._bases.of_host(connection, record.result, {kinds[each] for each in absent & kinds.keys()})
        rows = [blobs.packed(each, content[each], known.get(kinds.get(each, ""), ())) for each in sorted(absent)]
        alone = {kinds[row.digest]: row.digest for row in rows if row.base is None and row.digest in kinds}
        kept = {kind: blobs.Content(digest, content[digest]) for kind, digest in alone.items()}
        return _Entry(record, packed, rows, kept)

    def _absent(self, connection: Connection, digests: Set[str]) -> set[str]:
        """Return those of the digests that are neither stored nor on their way."""
        absent = {digest for digest in digests if bytes.fromhex(digest) not in self._stored}
        found = blobs.stored(connection, absent)
        with self._order:
            self._stored.update(map(bytes.fromhex, found))
        return absent - found

    def _run(self) -> None:
        """Write batches until the end is announced; after a failure, only take records so that nobody waits."""
        more = True
        while more:
            batch, more = self._next_batch()
            if batch and self._failure is None:
                try:
                    with explained(self._path), self._engine.begin() as connection:
                        self._write(connection, batch)
                except HardencheckError as error:
                    self._failure = error
        self._ended_well = True

    def _next_batch(self) -> tuple[list[_Entry], bool]:
        """Wait for records; return them, and whether more may come."""
        batch: list[_Entry] = []
        until = None
        while len(batch) < BATCH:
            try:
                entry = self._queue.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if entry is None:
                return batch, False
            batch.append(entry)
            until = until or time.monotonic() + PATIENCE
        return batch, True

    def _write(self, connection: Connection, batch: list[_Entry]) -> None:
        """Write one batch: content first, so that no row ever points at nothing."""
        rows = [row for entry in batch for row in entry.rows]
        blobs.insert(connection, rows)
        seen: list[findings.Seen] = []
        for sweep_id, entries in groupby(batch, key=lambda entry: entry.record.sweep_id):
            number, started = self._sweep(connection, sweep_id)
            results = [(entry.record.result, entry.packed) for entry in entries]
            sweeps.store_results(connection, number, results)
            seen += [(result.host, started, result.results) for result, _ in results]
        findings.record(connection, seen)

    def _sweep(self, connection: Connection, sweep_id: str) -> tuple[int, str]:
        if sweep_id not in self._sweeps:
            self._sweeps[sweep_id] = sweeps.number_of(connection, sweep_id)
        return self._sweeps[sweep_id]
