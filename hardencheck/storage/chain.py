"""The evidence chain as rows, and one steady view of everything that it seals."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, insert, select, update

from hardencheck.errors import StoreError
from hardencheck.model.chain import Link, StoredHost
from hardencheck.model.sweep import Sweep
from hardencheck.storage import blobs, sweeps
from hardencheck.storage.schema import chain, sweep


def append(connection: Connection, link: Link) -> None:
    """Add a link at the end; raises StoreError when it was made for another place, or seals a sealed sweep again."""
    length = connection.execute(select(func.count()).select_from(chain)).scalar_one()
    if link.position != length:
        raise StoreError(f"the evidence chain has {length} links, a link for position {link.position} cannot follow")
    same = (chain.c.sweep_id == link.sweep_id) & chain.c.sweep_id.is_not(None)
    if connection.execute(select(chain.c.position).where(same)).first():
        raise StoreError(f"sweep {link.sweep_id}: the evidence chain has sealed it before, it never changes again")
    row = {"position": link.position, "envelope": link.envelope, "leaves": link.leaves, "salt": link.salt}
    connection.execute(insert(chain).values(sweep_id=link.sweep_id, record=link.record, **row))


def stamp(connection: Connection, position: int, answer: bytes) -> None:
    """Keep the time stamp of a link; raises StoreError when there is no such link without one."""
    bare = (chain.c.position == position) & chain.c.stamp.is_(None)
    if not connection.execute(update(chain).where(bare).values(stamp=answer)).rowcount:
        raise StoreError(f"the evidence chain has no link {position} without a time stamp")


def envelopes(connection: Connection) -> list[bytes]:
    """Return the envelopes alone, oldest first."""
    return [bytes(each) for each in connection.execute(select(chain.c.envelope).order_by(chain.c.position)).scalars()]


class Snapshot:
    """What the store held at one moment, whatever is written meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def links(self) -> Iterator[Link]:
        """Yield the links of the chain, in the order of their positions."""
        for row in self._connection.execute(select(chain).order_by(chain.c.position)):
            salt, stamp = (None if each is None else bytes(each) for each in (row.salt, row.stamp))
            yield Link(row.position, bytes(row.envelope), row.sweep_id, bytes(row.leaves), salt, stamp, row.record)

    def finished(self) -> list[str]:
        """Return the ids of the finished sweeps, oldest first."""
        statement = select(sweep.c.id).where(sweep.c.finished.is_not(None)).order_by(sweep.c.number)
        return list(self._connection.execute(statement).scalars())

    def unfinished(self) -> list[str]:
        """Return the ids of the sweeps that have not ended, so that nothing seals them, oldest first."""
        statement = select(sweep.c.id).where(sweep.c.finished.is_(None)).order_by(sweep.c.number)
        return list(self._connection.execute(statement).scalars())

    def sweep(self, sweep_id: str) -> Sweep:
        """Return one sweep without its hosts."""
        return sweeps.one(self._connection, sweep_id)

    def hosts(self, sweep_id: str) -> Iterator[StoredHost]:
        """Yield a sweep's hosts as they are stored, in the order of the inventory."""
        number, _ = sweeps.number_of(self._connection, sweep_id)
        position = -1
        while rows := sweeps.after(self._connection, number, position):
            yield from map(sweeps.stored, rows)
            position = rows[-1].position

    def blob(self, digest: str) -> bytes:
        """Return the content of one digest; raises EvidenceError."""
        return blobs.read(self._connection, [digest])[digest]
