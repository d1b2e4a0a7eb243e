"""Forgets old sweeps: their rows, the content that nothing else needs, and the salt of their leaf hashes.

What stays and is packed against content that goes is packed anew before, so that nothing of a purged sweep is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby, islice
from typing import TypeVar

from sqlalchemy import Connection, delete, func, or_, select, update

from hardencheck.errors import EvidenceError
from hardencheck.model.manifest import Manifest
from hardencheck.storage import blobs
from hardencheck.storage.bases import Bases
from hardencheck.storage.blobs import Content
from hardencheck.storage.schema import blob, chain, sweep, sweep_host

_Key = TypeVar("_Key", str, int)

_CHUNK = 500


def older(connection: Connection, before: str) -> list[str]:
    """Return the ids of the sweeps that ended before this time (UTC, ISO 8601), oldest first.

    One that was never finished counts from its beginning.
    """
    ended = func.coalesce(sweep.c.finished, sweep.c.started)
    return list(connection.execute(select(sweep.c.id).where(ended < before).order_by(sweep.c.number)).scalars())


def forget(connection: Connection, sweep_ids: Collection[str]) -> int:
    """Remove these sweeps but for their links in the chain; return how many pieces of content went with them.

    Raises EvidenceError when a list of captures is damaged: what it listed could not be told from what others need.
    """
    numbers = [
        number
        for some in _chunks(sweep_ids)
        for number in connection.execute(select(sweep.c.number).where(sweep.c.id.in_(some))).scalars()
    ]
    unneeded: set[str] = set()
    for number in numbers:
        unneeded.update(_needed(connection, number))
    for number in numbers:
        connection.execute(delete(sweep_host).where(sweep_host.c.sweep == number))
        connection.execute(delete(sweep).where(sweep.c.number == number))
    for some in _chunks(sweep_ids):
        connection.execute(update(chain).where(chain.c.sweep_id.in_(some)).values(salt=None))
    for number in connection.execute(select(sweep.c.number)).scalars().all():
        unneeded.difference_update(_needed(connection, number))
    numbers = sorted(blobs.numbers(connection, unneeded).values(), reverse=True)
    _free(connection, unneeded, numbers)
    # the newest first: what is packed against other content came after it
    return sum(connection.execute(delete(blob).where(blob.c.number.in_(some))).rowcount for some in _chunks(numbers))


def _free(connection: Connection, unneeded: Collection[str], numbers: Iterable[int]) -> None:
    """Pack anew what stays and is packed against content that goes: the oldest takes its base's place for the others.

    `unneeded` are the digests of what goes, `numbers` its numbers. Heirs of one origin are packed against each other.
    """
    known = Bases()
    for some in _chunks(numbers):
        query = select(blob.c.digest, blob.c.base).where(blob.c.base.in_(some)).order_by(blob.c.base, blob.c.number)
        rows = [row for row in connection.execute(query) if row.digest not in unneeded]
        for _, packed in groupby(rows, key=lambda row: int(row.base)):
            heir: list[Content] = []
            for row in packed:
                content = blobs.contents(connection, [row.digest])[row.digest]
                origin = content.chain[-1].digest
                staying = [base for base in content.chain[1:] if base.digest not in unneeded]
                older = [each for each in known.others(origin) if (each.number or 0) < (content.number or 0)]
                blobs.replace(connection, blobs.packed(row.digest, content.data, [*heir, *staying, *older]))
                if not heir:
                    heir = [content]
                    known.keep({origin: content})


def _needed(connection: Connection, number: int) -> Iterator[str]:
    """Yield the digests of all content that one sweep rests on."""
    row = connection.execute(select(sweep).where(sweep.c.number == number)).one()
    hosts = sweep_host.c
    used = or_(hosts.manifest.is_not(None), hosts.results.is_not(None))
    pairs = connection.execute(select(hosts.manifest, hosts.results).where(hosts.sweep == number, used)).all()
    manifests = {pair.manifest for pair in pairs} - {None}
    yield from {row.baseline_digest, row.roster_digest, *manifests, *(pair.results for pair in pairs)} - {None}
    for some in _chunks(manifests):
        for address, data in blobs.read(connection, some).items():
            try:
                yield from Manifest.from_bytes(data).sections.values()
            except (ValueError, KeyError, TypeError) as error:
                raise EvidenceError(f"evidence {address}: it is no list of captures") from error


def _chunks(keys: Iterable[_Key]) -> Iterator[list[_Key]]:
    """Split, because a statement takes a limited number of parameters."""
    rest = iter(keys)
    while some := list(islice(rest, _CHUNK)):
        yield some
