"""One link of the evidence chain, as it is kept: signed words, and what they were made from."""

from __future__ import annotations

from dataclasses import dataclass

from hardencheck.model.sweep import HostResult

#: The bytes of one leaf hash.
HASH = 32


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the log: a signed envelope at its position, counted from 0.

    `sweep_id` is the sweep that it seals, None for an entry about something else; `record` is the digest of what an
    entry about remediation seals. `leaves` are the leaf hashes of the
    sweep's hosts, one after the other, in the order of the inventory. `salt` is what the hosts' leaves were salted
    with; it goes when the sweep is purged, so that a leaf hash tells nothing any more. `stamp` is what a time stamp
    authority answered about the envelope (RFC 3161), if one was asked.
    """

    position: int
    envelope: bytes
    sweep_id: str | None = None
    leaves: bytes = b""
    salt: bytes | None = None
    stamp: bytes | None = None
    record: str | None = None

    def hashes(self) -> list[bytes]:
        """Return the leaf hashes one by one."""
        return [self.leaves[start : start + HASH] for start in range(0, len(self.leaves), HASH)]


@dataclass(frozen=True, slots=True)
class Hidden:
    """One entry of the log of which only the leaf hash is here, as in a pack that leaves other clients' sweeps out."""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class StoredHost:
    """One host of one sweep as its row has it: its place, what is known of it without its rules' results, their digest.

    `results` is None while the host is pending.
    """

    position: int
    result: HostResult
    results: str | None
