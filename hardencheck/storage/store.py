"""The store: everything that outlives a run, behind one class."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine

from hardencheck.errors import EvidenceError, StoreError
from hardencheck.model import contents
from hardencheck.model.capture import Capture
from hardencheck.model.chain import Link
from hardencheck.model.manifest import Manifest
from hardencheck.model.roster import Roster
from hardencheck.model.sweep import Finding, HostResult, Sweep
from hardencheck.storage import blobs, chain, findings, purge, sweeps
from hardencheck.storage.failure import explained
from hardencheck.storage.findings import State
from hardencheck.storage.lock import Lock
from hardencheck.storage.migrate import bring_up_to_date
from hardencheck.storage.sqlite import for_writing, open_engine, writable
from hardencheck.storage.writer import Writer

#: what SQLite's columns, which take values of any type, make of a row that somebody else wrote; a number in the place
#: of bytes asks for so many of them
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, MemoryError)


class Store:
    """Sweeps, results, findings and evidence in one database file.

    Any thread may read. Writing (`begin`, `writer`, `finish`, `note`, `stamp`, `forget`) needs `lock()` around it.
    Every method raises StoreError when the database fails, and every method that returns evidence raises EvidenceError
    when it is not what its digest says.
    """

    def __init__(self, path: Path) -> None:
        """Open the store at `path`, making it or bringing it up to date where needed."""
        self.path = path
        self._locked = False
        with explained(path):
            self._engine: Engine = open_engine(path)
        try:
            with explained(path):
                bring_up_to_date(self._engine, path)
        except (StoreError, EvidenceError):
            self.close()
            raise

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def lock(self, name: str, kind: str = "sweep") -> Iterator[None]:
        """Be the one process that writes this store, for this sweep; raises StoreLocked when another one is."""
        if not writable(self.path):
            raise StoreError(
                f"store {self.path}: it is read-only",
                reason="read_only",
                hint="run as the user who owns it, or choose another store",
            )
        with Lock(self.path).held(f"{kind} {name}"):
            self._locked = True
            try:
                yield
            finally:
                self._locked = False

    def begin(self, sweep: Sweep, baseline: bytes, roster: bytes | None = None) -> None:
        """Write down a new sweep with all its hosts pending, the snapshot of its baseline and its roster."""
        rows = [blobs.packed(sweep.baseline_digest, baseline)]
        if sweep.roster_digest is not None and roster is not None:
            rows.append(blobs.packed(sweep.roster_digest, roster))
        with self._writing() as connection:
            blobs.insert(connection, rows)
            sweeps.begin(connection, sweep)

    def writer(self) -> Writer:
        """Return the writer for host records; use it as a context manager, one at a time."""
        self._require_lock()
        return Writer(self._engine, self.path)

    def finish(self, sweep_id: str, finished: str, link: Link) -> None:
        """Note when the sweep ended (UTC, ISO 8601) and add the link that seals it; from then on it never changes."""
        with self._writing() as connection:
            sweeps.finish(connection, sweep_id, finished)
            chain.append(connection, link)

    def note(self, record: bytes, link: Link) -> None:
        """Keep a record of remediation, and add the link that seals it."""
        with self._writing() as connection:
            blobs.insert(connection, [blobs.packed(str(link.record), record)])
            chain.append(connection, link)

    def stamp(self, position: int, answer: bytes) -> None:
        """Keep what a time stamp authority answered about a link of the chain; it has none yet."""
        with self._writing() as connection:
            chain.stamp(connection, position, answer)

    def older(self, before: str) -> list[str]:
        """Return the ids of the sweeps that ended before this time (UTC, ISO 8601), oldest first."""
        with self._reading() as connection:
            return purge.older(connection, before)

    def forget(self, sweep_ids: Collection[str], link: Link | None) -> int:
        """Remove sweeps, and add the link that says so; return how many pieces of content went with them.

        What stays are findings, and in the chain the envelopes and leaf hashes.
        """
        with self._writing() as connection:
            gone = purge.forget(connection, sweep_ids)
            if link is not None:
                chain.append(connection, link)
            return gone

    def envelopes(self) -> list[bytes]:
        """Return the envelopes of the evidence chain, oldest first."""
        with self._reading() as connection:
            return chain.envelopes(connection)

    @contextmanager
    def snapshot(self) -> Iterator[chain.Snapshot]:
        """Give a view of the chain and of all that it seals, as they are at this moment."""
        with self._reading() as connection:
            yield chain.Snapshot(connection)

    def sweeps(self, limit: int = 20) -> tuple[Sweep, ...]:
        """Return the newest sweeps, newest first, without their hosts."""
        with self._reading() as connection:
            return sweeps.latest(connection, limit)

    def resolve(self, name: str) -> str:
        """Return the sweep's id that `last` or the beginning of an id stands for; raises UsageError."""
        with self._reading() as connection:
            return sweeps.resolve(connection, name)

    def sweep(self, name: str) -> Sweep:
        """Return a sweep with all its hosts, by `last` or the beginning of its id; raises UsageError."""
        found = self.header(name)
        return replace(found, hosts=tuple(self.hosts(found.id)))

    def header(self, name: str) -> Sweep:
        """Return a sweep without its hosts, by `last` or the beginning of its id; raises UsageError."""
        with self._reading() as connection:
            return sweeps.one(connection, sweeps.resolve(connection, name))

    def hosts(self, sweep_id: str) -> Iterator[HostResult]:
        """Yield a sweep's hosts in the order of the inventory; memory does not grow with their number."""
        with self._reading() as connection:
            number, _ = sweeps.number_of(connection, sweep_id)
        reader, position = sweeps.Reader(), -1
        while True:
            # a transaction per chunk: who reads slowly does not keep the log of a running sweep from being emptied
            with self._reading() as connection:
                rows = sweeps.after(connection, number, position)
                chunk = list(reader.hosts(connection, rows))
            if not rows:
                return
            yield from chunk
            position = rows[-1].position

    def pending(self, sweep_id: str) -> tuple[str, ...]:
        """Return the hosts that the sweep has not visited yet, in the order of the inventory."""
        with self._reading() as connection:
            return sweeps.pending(connection, sweep_id)

    def host(self, name: str) -> tuple[str, HostResult] | None:
        """Return the newest result of a host and the id of its sweep; None when the store has none."""
        with self._reading() as connection:
            found = sweeps.last_of(connection, name)
            if found is None:
                return None
            sweep_id, row = found
            return sweep_id, next(sweeps.Reader().hosts(connection, [row]))

    def findings(
        self, state: State = "open", *, hosts: Collection[str] | None = None, rules: Collection[str] | None = None
    ) -> tuple[Finding, ...]:
        """Return the findings that are `open`, `closed` or `all`, of these hosts and rules (None: all)."""
        with self._reading() as connection:
            return findings.query(connection, state, hosts, rules)

    def blob(self, digest: str) -> bytes:
        """Return the content of one digest."""
        return self.blobs([digest])[digest]

    def blobs(self, digests: Collection[str]) -> Mapping[str, bytes]:
        """Return the content of several digests."""
        with self._reading() as connection:
            return blobs.read(connection, digests)

    def roster(self, sweep: Sweep) -> Roster | None:
        """Return the roster that a sweep's hosts are judged by; None when it had none."""
        if sweep.roster_digest is None:
            return None
        return contents.roster(sweep.roster_digest, self.blob(sweep.roster_digest))

    def manifest(self, digest: str) -> Manifest:
        """Return the list of one host's captures."""
        return contents.manifest(digest, self.blob(digest))

    def captures(self, manifest: Manifest) -> Mapping[str, Capture]:
        """Return the captures that a manifest lists, by their probe's id."""
        data = self.blobs(set(manifest.sections.values()))
        return {name: contents.capture(name, digest, data[digest]) for name, digest in manifest.sections.items()}

    def _require_lock(self) -> None:
        if not self._locked:
            raise StoreError(f"store {self.path}: nothing is written without holding its lock")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with explained(self.path), self._engine.connect() as connection:
            try:
                yield connection
            except _UNREADABLE as error:
                raise EvidenceError(
                    f"store {self.path}: it holds a row that hardencheck never wrote ({error!r})",
                    hint="hardencheck evidence verify says where; restore the store from a backup",
                ) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        self._require_lock()
        with explained(self.path), for_writing(self._engine).begin() as connection:
            yield connection
