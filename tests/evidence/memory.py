"""A chain that is no store: everything in dictionaries, as a reader of an exported pack would have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hardencheck.errors import EvidenceError
from hardencheck.evidence.source import StoreSource
from hardencheck.model.capture import Capture, digest
from hardencheck.model.chain import Link
from hardencheck.model.codec import loads
from hardencheck.model.manifest import Manifest
from hardencheck.storage import Store


@dataclass
class MemorySource:
    """Links, leaves by sweep and position, and content by digest."""

    whole: bool = True
    origin: str = ""
    chain: list[Link] = field(default_factory=list)
    hosts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    content: dict[str, bytes] = field(default_factory=dict)

    def links(self) -> Iterator[Link]:
        yield from self.chain

    def finished(self) -> list[str]:
        return list(self.hosts)

    def described(self, sweep_id: str) -> Mapping[str, Any] | None:
        return None

    def part(self, sweep_id: str) -> None:
        pass

    def leaves(self, link: Link) -> Iterator[tuple[int, bytes]]:
        yield from self.hosts[str(link.sweep_id)].items()

    def blob(self, address: str) -> bytes:
        try:
            return self.content[address]
        except KeyError:
            raise EvidenceError(f"evidence {address}: it is not here") from None


def taken_from(store: Store) -> MemorySource:
    """Copy all that a store's chain seals."""
    made = MemorySource()
    with store.snapshot() as snapshot:
        source = StoreSource(snapshot)
        for link in source.links():
            made.chain.append(link)
            assert link.sweep_id is not None
            made.hosts[link.sweep_id] = dict(source.leaves(link))
            made.content |= _one(source, snapshot.sweep(link.sweep_id).baseline_digest)
            for leaf in made.hosts[link.sweep_id].values():
                made.content |= _of_host(source, loads(leaf))
    return made


def _of_host(source: StoreSource, body: Mapping[str, Any]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    if body["results"] is not None:
        found |= _one(source, body["results"])
    if body["manifest"] is not None:
        found |= _one(source, body["manifest"])
        for address in Manifest.from_bytes(found[body["manifest"]]).sections.values():
            found |= _one(source, address)
            assert digest(Capture.from_bytes(found[address]).to_bytes()) == address
    return found


def _one(source: StoreSource, address: str) -> dict[str, bytes]:
    return {address: source.blob(address)}
