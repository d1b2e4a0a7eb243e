"""Content under its digest, compressed; what is read is bounded before it is unpacked, and verified after.

Content that differs little from other content (yesterday's, another host's) may be packed against that, its base: what
is stored is then a zstd frame with the base as its dictionary. A base may have one itself. A digest is always that of
the content, so that how it is packed changes nothing that is sealed.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update
from zstandard import (
    DICT_TYPE_RAWCONTENT,
    ZstdCompressionDict,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
    frame_content_size,
)

from hardencheck.errors import EvidenceError
from hardencheck.model.capture import digest as digest_of
from hardencheck.storage.schema import blob
from hardencheck.storage.sqlite import insert_if_absent

#: The most bytes that one blob may unpack to; a host may send 4 MiB in all.
MAX_BYTES = 16 * 1024 * 1024
#: So many bases may stand behind a blob when it is read; the writer makes fewer.
DEPTH = 32

_LEVEL = 3
_CHUNK = 500
#: so many contents are unpacked at once, each with all that is behind it
_GROUP = 25
_per_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Packed:
    """Content as it is stored: its digest and size, the frame, and the digest of the base that the frame needs."""

    digest: str
    size: int
    data: bytes
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Content that other content may be packed against; `number` is None until it was read from the store."""

    digest: str
    data: bytes
    number: int | None = None
    base: Content | None = None

    @property
    def depth(self) -> int:
        """How many bases are behind it."""
        return len(self.chain) - 1

    @property
    def chain(self) -> tuple[Content, ...]:
        """The content, its base, that one's base, up to the one that is packed alone."""
        found = [self]
        while found[-1].base:
            found.append(found[-1].base)
        return tuple(found)


def packed(digest: str, data: bytes, bases: Iterable[Content] = ()) -> Packed:
    """Pack content against the first base that makes half of it or less, else alone.

    Raises EvidenceError when `data` is too large or not what `digest` says.
    """
    if len(data) > MAX_BYTES:
        raise EvidenceError(f"evidence {digest}: {len(data)} bytes are more than the {MAX_BYTES} that are kept")
    if digest_of(data) != digest:
        raise EvidenceError(f"evidence {digest}: the bytes to be stored have another digest")
    alone = _compressor().compress(data)
    for base in bases:
        delta = ZstdCompressor(level=_LEVEL, dict_data=_dictionary(base.data)).compress(data)
        if 2 * len(delta) <= len(alone):
            return Packed(digest, len(data), delta, base.digest)
    return Packed(digest, len(data), alone)


def unpacked(digest: str, size: int, data: bytes, base: bytes | None = None) -> bytes:
    """Return the bytes of a stored blob; raises EvidenceError when they are not what `digest` says."""
    try:
        # a frame that declares its size is unpacked to that size whatever `max_output_size` says
        declared = frame_content_size(data)
        if declared != size or size > MAX_BYTES:
            raise EvidenceError(
                f"evidence {digest}: it would unpack to {declared} bytes, the store says {size}", hint=_RESTORE
            )
        unpacker = ZstdDecompressor() if base is None else ZstdDecompressor(dict_data=_dictionary(base))
        content: bytes = unpacker.decompress(data, max_output_size=size) if size else b""
    except ZstdError as error:
        raise EvidenceError(f"evidence {digest}: it cannot be unpacked ({error})", hint=_RESTORE) from error
    if digest_of(content) != digest:
        raise EvidenceError(f"evidence {digest}: the stored bytes have another digest", hint=_RESTORE)
    return content


def insert(connection: Connection, rows: Sequence[Packed]) -> None:
    """Store what is not there yet; the bases must be there or among the rows, and have none that is among them."""
    alone = [_row(each, None) for each in rows if each.base is None]
    if alone:
        connection.execute(insert_if_absent(blob), alone)
    bases = {each.base for each in rows if each.base is not None}
    if bases:
        number = numbers(connection, bases)
        if missing := bases - number.keys():
            raise EvidenceError(f"evidence {min(missing)}: the store does not hold it, and other content needs it")
        deltas = [_row(each, number[each.base]) for each in rows if each.base is not None]
        connection.execute(insert_if_absent(blob), deltas)


def replace(connection: Connection, again: Packed) -> None:
    """Store content that is there already as it is packed now; its base must be there, and older."""
    base = None if again.base is None else numbers(connection, [again.base])[again.base]
    connection.execute(update(blob).where(blob.c.digest == again.digest).values(data=again.data, base=base))


def read(connection: Connection, digests: Collection[str]) -> dict[str, bytes]:
    """Return the content of these digests; raises EvidenceError when one is missing or damaged."""
    return {digest: found.data for some in _chunks(digests, _GROUP) for digest, found in _read(connection, some)}


def contents(connection: Connection, digests: Collection[str]) -> dict[str, Content]:
    """Return the content of these digests with its bases, all of it in memory; raises EvidenceError as `read` does."""
    return dict(_read(connection, digests))


def stored(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return those of the digests that the store holds."""
    return set(numbers(connection, digests))


def numbers(connection: Connection, digests: Collection[str]) -> dict[str, int]:
    """Return the numbers of those of the digests that the store holds."""
    found: dict[str, int] = {}
    for some in _chunks(digests):
        found.update((row.digest, row.number) for row in connection.execute(_NUMBERS, {"digests": some}))
    return found


_RESTORE = "restore the store from a backup; do not rely on results that rest on this evidence"


#: whether a row is one of `digests`; statements are made once, because making one costs more than running it
_WANTED = blob.c.digest.in_(bindparam("digests", type_=blob.c.digest.type, expanding=True))
_NUMBERS = select(blob.c.digest, blob.c.number).where(_WANTED)


def _with_bases() -> Select[Any]:
    """Return what selects the rows of `digests` and of all that is behind them, the oldest first: bases come first."""
    start = select(blob.c.number, blob.c.base).where(_WANTED).cte("behind", recursive=True)
    behind = start.union(select(blob.c.number, blob.c.base).join(start, blob.c.number == start.c.base))
    return select(blob).where(blob.c.number.in_(select(behind.c.number))).order_by(blob.c.number)


_WITH_BASES = _with_bases()


def _read(connection: Connection, digests: Collection[str]) -> Iterator[tuple[str, Content]]:
    """Yield each digest with its content, and whatever is behind it."""
    found: dict[int, Content] = {}
    by_digest: dict[str, Content] = {}
    for row in connection.execute(_WITH_BASES, {"digests": list(digests)}):
        base = None if row.base is None else found.get(row.base)
        if row.base is not None and (base is None or base.depth == DEPTH):
            deep = f"has more than {DEPTH} bases behind it"
            why = "is packed against content that is gone, or newer" if base is None else deep
            raise EvidenceError(f"evidence {row.digest}: it {why}", hint=_RESTORE)
        data = unpacked(row.digest, row.size, row.data, base.data if base else None)
        found[row.number] = by_digest[row.digest] = Content(row.digest, data, row.number, base)
    for digest in digests:
        if digest not in by_digest:
            raise EvidenceError(f"evidence {digest}: the store does not hold it", hint=_RESTORE)
        yield digest, by_digest[digest]


def _row(each: Packed, base: int | None) -> dict[str, object]:
    return {"digest": each.digest, "size": each.size, "data": each.data, "base": base}


def _chunks(keys: Collection[str], size: int = _CHUNK) -> Iterator[list[str]]:
    """Split, because a statement takes a limited number of parameters."""
    rest = iter(keys)
    while some := list(islice(rest, size)):
        yield some


def _dictionary(base: bytes) -> ZstdCompressionDict:
    return ZstdCompressionDict(base, dict_type=DICT_TYPE_RAWCONTENT)


def _compressor() -> ZstdCompressor:
    """Return this thread's compressor: one must not be shared, and making one costs more than a small blob."""
    found: ZstdCompressor | None = getattr(_per_thread, "compressor", None)
    if found is None:
        found = _per_thread.compressor = ZstdCompressor(level=_LEVEL)
    return found
