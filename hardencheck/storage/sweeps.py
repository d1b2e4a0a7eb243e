"""Sweeps and their hosts as rows, and rows as the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from hardencheck.errors import EvidenceError, StoreError, UsageError
from hardencheck.model.chain import StoredHost
from hardencheck.model.codec import results_from_bytes
from hardencheck.model.outcome import HostState, Platform
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.storage import blobs
from hardencheck.storage.schema import sweep, sweep_host

_host = sweep_host.c
_CHUNK = 200
_RESULT = (
    "state",
    "reason",
    "message",
    "labels",
    "groups",
    "system",
    "skew",
    "duration",
    "manifest",
    "results",
)
_LAST_SEEN = (
    select(_host.manifest, _host.results)
    .where(
        _host.host == bindparam("of_host", type_=_host.host.type),
        _host.platform == bindparam("of_platform"),
        _host.manifest.is_not(None),
    )
    .order_by(_host.sweep.desc())
    .limit(1)
)
_STORE_RESULT = (
    update(sweep_host)
    .where(_host.sweep == bindparam("of_sweep"), _host.host == bindparam("of_host", type_=_host.host.type))
    .values({name: bindparam(f"new_{name}", type_=_host[name].type) for name in _RESULT})
)


def begin(connection: Connection, planned: Sweep) -> None:
    """Insert a sweep with all its hosts pending; the blobs of its baseline and its roster must be there."""
    (number,) = connection.execute(
        insert(sweep)
        .returning(sweep.c.number)
        .values(
            id=planned.id,
            started=planned.started,
            finished=planned.finished,
            baseline_id=planned.baseline_id,
            baseline_version=planned.baseline_version,
            baseline_digest=planned.baseline_digest,
            collector_digest=planned.collector_digest,
            roster_digest=planned.roster_digest,
            settings=dict(planned.settings),
        )
    ).one()
    rows = [
        {"sweep": number, "position": position, "host": host.host, **_described(host, HostState.PENDING, None)}
        for position, host in enumerate(planned.hosts)
    ]
    if rows:
        connection.execute(insert(sweep_host), rows)


def number_of(connection: Connection, sweep_id: str) -> tuple[int, str]:
    """Return a sweep's number and when it began; raises StoreError when there is none with exactly this id."""
    row = connection.execute(select(sweep.c.number, sweep.c.started).where(sweep.c.id == sweep_id)).one_or_none()
    if row is None:
        raise StoreError(f"the store holds no sweep {sweep_id}")
    return row.number, row.started


def store_results(connection: Connection, number: int, results: Sequence[tuple[HostResult, str]]) -> None:
    """Fill in the rows of pending hosts, each given with the digest of its packed results.

    Raises StoreError when a host is not in the sweep or already has its result: results never change.
    """
    names = [host.host for host, _ in results]
    pending = set(
        connection.execute(
            select(_host.host).where(
                _host.sweep == number, _host.host.in_(names), _host.state == HostState.PENDING.value
            )
        ).scalars()
    )
    for name in names:
        if name not in pending:
            raise StoreError(f"host {name}: it is not in the sweep, or its result is already stored")
        pending.remove(name)
    changes: list[dict[str, Any]] = []
    for host, packed in results:
        row = _described(host, host.state, packed)
        changes.append({"of_sweep": number, "of_host": host.host, **{f"new_{name}": row[name] for name in _RESULT}})
    connection.execute(_STORE_RESULT, changes)


def finish(connection: Connection, sweep_id: str, finished: str) -> None:
    """Note when a sweep ended; raises StoreError when it has ended before, or hosts are still pending."""
    if left := pending(connection, sweep_id):
        raise StoreError(f"sweep {sweep_id}: it is not finished, {len(left)} of its hosts are pending")
    open_one = (sweep.c.id == sweep_id) & sweep.c.finished.is_(None)
    if not connection.execute(update(sweep).where(open_one).values(finished=finished)).rowcount:
        raise StoreError(f"sweep {sweep_id}: it is finished, and never changes again")


def latest(connection: Connection, limit: int) -> tuple[Sweep, ...]:
    """Return the newest sweeps, newest first, without their hosts."""
    rows = connection.execute(select(sweep).order_by(sweep.c.number.desc()).limit(limit))
    return tuple(_sweep(row) for row in rows)


def one(connection: Connection, sweep_id: str) -> Sweep:
    """Return one sweep without its hosts."""
    number, _ = number_of(connection, sweep_id)
    return _sweep(connection.execute(select(sweep).where(sweep.c.number == number)).one())


def resolve(connection: Connection, name: str) -> str:
    """Return the id that `last` or the beginning of an id stands for; raises UsageError unless it is exactly one."""
    hint = "list the sweeps that the store holds, and name one of them"
    if name == "last":
        newest: str | None = connection.execute(select(sweep.c.id).order_by(sweep.c.number.desc()).limit(1)).scalar()
        if newest is None:
            raise UsageError("the store holds no sweep yet", hint="run a sweep first, or name another --store")
        return newest
    wanted = func.substr(sweep.c.id, 1, len(name)) == name
    statement = select(sweep.c.id).where(wanted).order_by(sweep.c.id).limit(3)
    found: list[str] = list(connection.execute(statement).scalars())
    if name in found:
        return name
    if not name or not found:
        raise UsageError(f"the store holds no sweep whose id begins with {name!r}", hint=hint)
    if len(found) > 1:
        raise UsageError(f"more than one sweep begins with {name!r}: {', '.join(found[:2])}", hint=hint)
    return found[0]


def pending(connection: Connection, sweep_id: str) -> tuple[str, ...]:
    """Return the hosts without a result, in the order of the inventory."""
    number, _ = number_of(connection, sweep_id)
    unvisited = _host.state == HostState.PENDING.value
    statement = select(_host.host).where(_host.sweep == number, unvisited).order_by(_host.position)
    return tuple(connection.execute(statement).scalars())


def after(connection: Connection, number: int, position: int) -> Sequence[Row[Any]]:
    """Return the next rows of a sweep's hosts, in the order of the inventory."""
    statement = select(sweep_host).where(_host.sweep == number, _host.position > position)
    return connection.execute(statement.order_by(_host.position).limit(_CHUNK)).all()


def last_of(connection: Connection, name: str) -> tuple[str, Row[Any]] | None:
    """Return the newest sweep that has a result of this host, and the host's row."""
    row = connection.execute(
        select(sweep_host)
        .where(_host.host == name, _host.state != HostState.PENDING.value)
        .order_by(_host.sweep.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return connection.execute(select(sweep.c.id).where(sweep.c.number == row.sweep)).scalar_one(), row


def last_seen(connection: Connection, name: str, platform: Platform) -> tuple[str, str] | None:
    """Return the digests of manifest and results of the newest sweep that this host has answered as this platform."""
    row = connection.execute(_LAST_SEEN, {"of_host": name, "of_platform": platform.value}).one_or_none()
    return None if row is None else (row.manifest, row.results)


class Reader:
    """Turns rows into HostResults; equal packed results are unpacked once and shared."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[RuleResult, ...]] = {}

    def hosts(self, connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[HostResult]:
        """Yield the hosts of these rows; raises EvidenceError when stored results are not what their digest says."""
        wanted = {row.results for row in rows if row.results is not None}
        # only what this chunk uses is kept, so that memory does not grow with the sweep
        kept = {digest: self._seen[digest] for digest in wanted if digest in self._seen}
        fresh = blobs.read(connection, wanted - kept.keys())
        self._seen = kept | {digest: _unpacked(digest, data) for digest, data in fresh.items()}
        for row in rows:
            yield _host_result(row, () if row.results is None else self._seen[row.results])


def stored(row: Row[Any]) -> StoredHost:
    """Return a host as its row has it, without opening its results."""
    return StoredHost(row.position, _host_result(row, ()), row.results)


def _host_result(row: Row[Any], results: tuple[RuleResult, ...]) -> HostResult:
    return HostResult(
        host=row.host,
        state=HostState(row.state),
        reason=row.reason,
        message=row.message,
        labels=dict(row.labels),
        groups=tuple(row.groups),
        platform=Platform(row.platform),
        system=row.system,
        skew=row.skew,
        duration=row.duration,
        manifest=row.manifest,
        results=results,
    )


def _unpacked(digest: str, data: bytes) -> tuple[RuleResult, ...]:
    try:
        return results_from_bytes(data)
    except ValueError as error:
        raise EvidenceError(f"evidence {digest}: it does not hold rule results ({error})") from error


def _sweep(row: Row[Any]) -> Sweep:
    for time in (row.started, row.finished or row.started):
        datetime.fromisoformat(time)
    return Sweep(
        id=row.id,
        started=row.started,
        finished=row.finished,
        baseline_id=row.baseline_id,
        baseline_version=row.baseline_version,
        baseline_digest=row.baseline_digest,
        collector_digest=row.collector_digest,
        roster_digest=row.roster_digest,
        settings=dict(row.settings),
    )


def _described(host: HostResult, state: HostState, packed: str | None) -> dict[str, Any]:
    return {
        "state": state.value,
        "reason": host.reason,
        "message": host.message,
        "labels": dict(host.labels),
        "groups": list(host.groups),
        "platform": host.platform.value,
        "system": host.system,
        "skew": host.skew,
        "duration": host.duration,
        "manifest": host.manifest,
        "results": packed,
    }
