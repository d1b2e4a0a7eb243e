"""Content under its digest, compressed; what is read is bounded before it is unpacked, and verified after."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from itertools import islice

from sqlalchemy import Connection, select
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError, frame_content_size

from hardencheck.errors import EvidenceError
from hardencheck.model.capture import digest as digest_of
from hardencheck.storage.schema import blob

#: The most bytes that one blob may unpack to; a host may send 4 MiB in all.
MAX_BYTES = 16 * 1024 * 1024

_LEVEL = 3
_CHUNK = 500
_per_thread = threading.local()


def packed(digest: str, data: bytes) -> dict[str, object]:
    """Return the row of a blob; raises EvidenceError when `data` is too large or not what `digest` says."""
    if len(data) > MAX_BYTES:
        raise EvidenceError(f"evidence {digest}: {len(data)} bytes are more than the {MAX_BYTES} that are kept")
    if digest_of(data) != digest:
        raise EvidenceError(f"evidence {digest}: the bytes to be stored have another digest")
    return {"digest": digest, "size": len(data), "data": _compressor().compress(data)}


def unpacked(digest: str, size: int, data: bytes) -> bytes:
    """Return the bytes of a stored blob; raises EvidenceError when they are not what `digest` says."""
    try:
        # a frame that declares its size is unpacked to that size whatever `max_output_size` says
        declared = frame_content_size(data)
        if declared != size or size > MAX_BYTES:
            raise EvidenceError(
                f"evidence {digest}: it would unpack to {declared} bytes, the store says {size}", hint=_RESTORE
            )
        content: bytes = ZstdDecompressor().decompress(data, max_output_size=size) if size else b""
    except ZstdError as error:
        raise EvidenceError(f"evidence {digest}: it cannot be unpacked ({error})", hint=_RESTORE) from error
    if digest_of(content) != digest:
        raise EvidenceError(f"evidence {digest}: the stored bytes have another digest", hint=_RESTORE)
    return content


def read(connection: Connection, digests: Collection[str]) -> dict[str, bytes]:
    """Return the content of these digests; raises EvidenceError when one is missing or damaged."""
    found: dict[str, bytes] = {}
    for some in _chunks(digests):
        rows = connection.execute(select(blob.c.digest, blob.c.size, blob.c.data).where(blob.c.digest.in_(some)))
        for digest, size, data in rows:
            found[digest] = unpacked(digest, size, data)
    for digest in digests:
        if digest not in found:
            raise EvidenceError(f"evidence {digest}: the store does not hold it", hint=_RESTORE)
    return found


def stored(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return those of the digests that the store holds."""
    found: set[str] = set()
    for some in _chunks(digests):
        found.update(connection.execute(select(blob.c.digest).where(blob.c.digest.in_(some))).scalars())
    return found


_RESTORE = "restore the store from a backup; do not rely on results that rest on this evidence"


def _chunks(digests: Collection[str]) -> Iterator[list[str]]:
    """Split, because a statement takes a limited number of parameters."""
    rest = iter(digests)
    while some := list(islice(rest, _CHUNK)):
        yield some


def _compressor() -> ZstdCompressor:
    """Return this thread's compressor: one must not be shared, and making one costs more than a small blob."""
    found: ZstdCompressor | None = getattr(_per_thread, "compressor", None)
    if found is None:
        found = _per_thread.compressor = ZstdCompressor(level=_LEVEL)
    return found
