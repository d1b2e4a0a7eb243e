"""Where a chain is verified from: a store, or anything else that can say what it holds and give content by digest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hardencheck.errors import EvidenceError
from hardencheck.evidence import statement
from hardencheck.model.chain import Hidden, Link
from hardencheck.storage.chain import Snapshot


@dataclass(frozen=True, slots=True)
class Part:
    """What a source says of a sweep that it holds a part of; none of it is sealed by the chain.

    `hosts` are the positions of the hosts that are here. `baseline` and `roster` are the digests of those that the
    hosts are judged by: the sealed ones, or what was left of them for these hosts. The hosts at positions in `edited`
    are not as they were sealed. `withheld` are the captures that are not here, each a host's position and a probe's id.
    """

    hosts: frozenset[int]
    baseline: str
    roster: str | None
    edited: frozenset[int] = frozenset()
    withheld: frozenset[tuple[int, str]] = frozenset()


class Source(Protocol):
    """What verifying needs. What a source returns is not trusted; it raises EvidenceError for what it cannot read."""

    @property
    def whole(self) -> bool:
        """Whether everything that the chain seals must be here; a pack for one client holds a part."""
        ...

    @property
    def origin(self) -> str:
        """The log's name, where its first envelope may be hidden; empty where it follows from that envelope."""
        ...

    def links(self) -> Iterator[Link | Hidden]:
        """Yield the links of the chain from the first to the last."""
        ...

    def finished(self) -> Collection[str]:
        """Return the ids of the finished sweeps whose hosts are here."""
        ...

    def described(self, sweep_id: str) -> Mapping[str, Any] | None:
        """Return what the source itself says of a sweep, as `statement.described` does; None when it says nothing."""
        ...

    def part(self, sweep_id: str) -> Part | None:
        """Return what is here of a sweep; None when what is here is as it was sealed."""
        ...

    def leaves(self, link: Link) -> Iterator[tuple[int, bytes]]:
        """Yield the leaves of a sweep's hosts that are here, each with its position, by position."""
        ...

    def blob(self, digest: str) -> bytes:
        """Return the content of one digest."""
        ...


class StoreSource:
    """A store at one moment; it lacks only what was purged."""

    whole = True
    origin = ""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.links = snapshot.links
        self.finished = snapshot.finished
        self.blob = snapshot.blob

    def described(self, sweep_id: str) -> Mapping[str, Any]:
        """Return what the store says of a sweep."""
        try:
            return statement.described(self._snapshot.sweep(sweep_id))
        except (ValueError, TypeError) as error:
            raise EvidenceError(f"its row cannot be read ({error})") from error

    def part(self, sweep_id: str) -> None:
        """Say that a store holds sweeps as they were sealed."""

    def leaves(self, link: Link) -> Iterator[tuple[int, bytes]]:
        """Yield the leaves that the rows of a sweep's hosts make."""
        if link.sweep_id is None or link.salt is None:
            raise EvidenceError("its salt is gone, without which its hosts cannot be told from others")
        place = 0
        try:
            for host in self._snapshot.hosts(link.sweep_id):
                place = host.position + 1
                yield host.position, statement.leaf(host, link.salt)
        except (ValueError, TypeError, AttributeError) as error:
            raise EvidenceError(f"the row of host number {place} or a later one cannot be read ({error})") from error
