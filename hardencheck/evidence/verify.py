"""Proves a chain from its first link to the last captured byte, or names the first link that is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hardencheck.errors import EvidenceError
from hardencheck.evidence import dsse, statement
from hardencheck.evidence.checkpoint import Checkpoint, origin_of
from hardencheck.evidence.keys import Verifier
from hardencheck.evidence.merkle import Tree, leaf_hash, root
from hardencheck.evidence.source import Source
from hardencheck.model.capture import Capture, digest
from hardencheck.model.chain import HASH, Link
from hardencheck.model.codec import loads, results_from_bytes
from hardencheck.model.manifest import Manifest

_REWRITTEN = "compare with copies of the store; the checkpoint proves that this history is not the one it was made of"
#: So many captures are remembered as right; beyond, they are read again.
_REMEMBERED = 500_000
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
_Read = TypeVar("_Read")


@dataclass(slots=True)
class Verified:
    """What was proved: which keys signed, where the log stands, and what was looked at of what it seals."""

    sweeps: int = 0
    purged: int = 0
    hosts: int = 0
    captures: int = 0
    signers: set[str] = field(default_factory=set)
    head: Checkpoint | None = None


def verify(source: Source, trusted: Collection[Verifier], checkpoint: Checkpoint | None = None) -> Verified:
    """Verify everything that a source holds; raises EvidenceError that names the first broken link.

    With a checkpoint, the log must be one that grew out of what the checkpoint was made of.
    """
    found = Verified()
    chain = _Chain()
    for link in source.links():
        if link.position != chain.tree.size:
            raise EvidenceError(f"link {chain.tree.size} of the chain is missing, link {link.position} follows")
        with _at(f"link {link.position} of the chain ({link.sweep_id or 'a purge'})"):
            found.signers.add(chain.take(link, trusted))
        if checkpoint is not None and checkpoint.size == chain.tree.size:
            _compare(checkpoint, chain.head, link)
    if checkpoint is not None and checkpoint.size > chain.tree.size:
        raise EvidenceError(
            f"the chain has {chain.tree.size} links, expected the {checkpoint.size} that the checkpoint was made of or "
            "more: the last ones are gone",
            hint=_REWRITTEN,
        )
    found.head = chain.head if chain.tree.size else None
    found.sweeps, found.purged = len(chain.sealed), len(chain.purged)
    _verify_contents(source, chain, found)
    return found


@dataclass(slots=True)
class _Chain:
    """The chain as far as it is verified: the tree over it, and what it says of which sweep."""

    tree: Tree = field(default_factory=Tree)
    sealed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    purged: set[str] = field(default_factory=set)
    _envelopes: dict[str, str] = field(default_factory=dict)
    _origin: str = ""
    _previous: str | None = None

    @property
    def head(self) -> Checkpoint:
        return Checkpoint(self._origin, self.tree.size, self.tree.root())

    def take(self, link: Link, trusted: Collection[Verifier]) -> str:
        """Verify that a link is signed and continues the chain; return the id of the key."""
        opened = dsse.unwrap(link.envelope, trusted)
        said = _read(opened.payload, "statement", statement.read)
        expected = statement.Log(self.tree.size, self.tree.root().hex(), self._previous).to_json()
        continued = said.predicate.get("log")
        if continued != expected:
            raise EvidenceError(f"it continues the log {continued}, expected {expected}")
        address = digest(link.envelope)
        if said.kind == statement.SWEEP:
            sweep_id = _sealed_by(said, link)
            if sweep_id in self.sealed:
                raise EvidenceError("it seals a sweep that an earlier link has sealed")
            self.sealed[sweep_id] = said.predicate
            self._envelopes[sweep_id] = address
        else:
            self._purge(said, link)
        self._origin = self._origin or origin_of(link.envelope)
        self._previous = address
        self.tree.append(leaf_hash(link.envelope))
        return opened.keyid

    def _purge(self, said: statement.Statement, link: Link) -> None:
        if link.sweep_id is not None or link.leaves:
            raise EvidenceError("it is about a purge, expected no sweep and no hosts beside it")
        for sweep_id, found in said.subjects.items():
            if found != {"sha256": self._envelopes.get(sweep_id)}:
                raise EvidenceError(f"it purges sweep {sweep_id} sealed by {found}, which no earlier link is")
        self.purged.update(said.subjects)


def _verify_contents(source: Source, chain: _Chain, found: Verified) -> None:
    """Verify that everything that must be here is here, and that it is what the chain sealed."""
    finished = source.finished()
    for sweep_id in finished:
        if sweep_id not in chain.sealed:
            raise EvidenceError(f"sweep {sweep_id}: it is finished, expected a link of the chain that seals it")
    held = set(finished)
    for sweep_id in chain.sealed:
        if source.whole and sweep_id not in held | chain.purged:
            raise EvidenceError(f"sweep {sweep_id}: it is gone, expected it as sealed, or a purge that names it")
    seen: set[str] = set()
    for link in source.links():
        if link.sweep_id in held:
            with _at(f"sweep {link.sweep_id}"):
                _Sweep(source, link, chain.sealed[link.sweep_id], seen, found).verify()


def _sealed_by(said: statement.Statement, link: Link) -> str:
    """Return the sweep that a link seals, once its hosts' leaf hashes are those of its subject."""
    sweep_id = str(said.predicate["sweep"]["id"])
    if link.sweep_id != sweep_id or said.subjects.keys() != {sweep_id}:
        raise EvidenceError(f"it is about {', '.join(said.subjects)}, expected sweep {link.sweep_id}")
    if len(link.leaves) % HASH:
        raise EvidenceError("the list of its hosts' leaf hashes is cut off")
    head, expected = root(link.hashes()).hex(), said.subjects[sweep_id]
    if expected != {statement.TREE: head}:
        raise EvidenceError(f"the tree over its hosts has the head {head}, expected {expected}")
    return sweep_id


def _compare(checkpoint: Checkpoint, here: Checkpoint, link: Link) -> None:
    if checkpoint.origin != here.origin:
        raise EvidenceError(
            f"the checkpoint is one of log {checkpoint.origin}, this log is {here.origin}: it belongs to another "
            "store, or everything was rewritten from the first sweep on",
            hint=_REWRITTEN,
        )
    last = f"sweep {link.sweep_id}" if link.sweep_id else "a purge"
    if checkpoint.root != here.root:
        raise EvidenceError(
            f"the first {here.size} links of the chain (up to {last}) have the tree head "
            f"{here.root.hex()}, expected {checkpoint.root.hex()} as in the checkpoint: history was rewritten",
            hint=_REWRITTEN,
        )


@dataclass(slots=True)
class _Sweep:
    """One sealed sweep while its content is verified; `seen` are digests whose content is known to be right."""

    source: Source
    link: Link
    predicate: Mapping[str, Any]
    seen: set[str]
    found: Verified
    states: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    _counted: dict[str, Counter[str]] = field(default_factory=dict)

    def verify(self) -> None:
        """Verify what is here of the sweep: its row, every host's row, manifest, captures and results."""
        self._row()
        self._content(self.predicate["baseline"]["digest"], "baseline", bytes)
        if self.source.whole and self.predicate["roster_digest"] is not None:
            self._content(self.predicate["roster_digest"], "roster", bytes)
        hashes = self.link.hashes()
        expected = 0
        for position, leaf in self.source.leaves(self.link):
            if not 0 <= position < len(hashes):
                raise EvidenceError(f"it has a host number {position + 1}, expected {len(hashes)} hosts as sealed")
            if self.source.whole and position != expected:
                raise EvidenceError(f"host number {expected + 1} of {len(hashes)} is gone")
            body = _read(leaf, f"leaf of host number {position + 1}", _object)
            with _at(f"host {body.get('host')}"):
                if leaf_hash(leaf) != hashes[position]:
                    raise EvidenceError(
                        f"what is stored of it has the leaf hash {leaf_hash(leaf).hex()}, "
                        f"expected {hashes[position].hex()} as sealed"
                    )
                self._host(body)
            expected += 1
        if self.source.whole and expected != len(hashes):
            raise EvidenceError(f"host number {expected + 1} of {len(hashes)} is gone")
        if expected == len(hashes):
            self._counts()

    def _row(self) -> None:
        said = self.source.described(str(self.link.sweep_id))
        for name, value in (said or {}).items():
            if self.predicate.get(name) != value:
                raise EvidenceError(f"its {name} is {value}, expected {self.predicate.get(name)} as sealed")

    def _host(self, body: Mapping[str, Any]) -> None:
        sections: Mapping[str, str] = {}
        if body["manifest"] is not None:
            manifest = self._content(body["manifest"], "manifest", Manifest.from_bytes)
            if manifest.host != body["host"] or manifest.roster != self.predicate["roster_digest"]:
                raise EvidenceError(
                    f"its manifest is that of host {manifest.host} with roster {manifest.roster}, "
                    f"expected {body['host']} and {self.predicate['roster_digest']}"
                )
            sections = manifest.sections
        for probe_id, address in sections.items():
            with _at(f"section {probe_id}"):
                self._capture(probe_id, address)
        if body["results"] is not None:
            self._results(body["results"])
        self.states[body["state"]] += 1
        self.found.hosts += 1
        self.found.captures += len(sections)

    def _capture(self, probe_id: str, address: str) -> None:
        key = f"{probe_id} {address}"
        if key not in self.seen:
            capture = self._content(address, "capture", Capture.from_bytes)
            if capture.probe_id != probe_id:
                raise EvidenceError(f"evidence {address}: it is a capture of {capture.probe_id}")
            if len(self.seen) >= _REMEMBERED:
                self.seen.clear()
            self.seen.add(key)

    def _results(self, address: str) -> None:
        if address not in self._counted:
            results = self._content(address, "results", results_from_bytes)
            self._counted[address] = Counter(each.outcome.value for each in results)
        self.outcomes.update(self._counted[address])

    def _content(self, address: str, noun: str, decode: Callable[[bytes], _Read]) -> _Read:
        data = self.source.blob(address)
        if digest(data) != address:
            raise EvidenceError(f"{noun} {address}: its content has the digest {digest(data)}")
        return _read(data, f"{noun} {address}", decode)

    def _counts(self) -> None:
        counted = statement.Counts(self.states, self.outcomes).to_json()
        if self.predicate["counts"] != counted:
            raise EvidenceError(f"its hosts and results count {counted}, expected {self.predicate['counts']} as sealed")


def _object(data: bytes) -> dict[str, Any]:
    body = loads(data)
    if not isinstance(body, dict):
        raise ValueError("expected an object")
    return body


def _read(data: bytes, noun: str, decode: Callable[[bytes], _Read]) -> _Read:
    """Return the content decoded; whatever does not fit its form is an EvidenceError."""
    try:
        return decode(data)
    except _MALFORMED as error:
        raise EvidenceError(f"{noun}: it cannot be read ({error})") from error


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Say where it was that evidence turned out to be broken, or not to have the form that it should have."""
    try:
        yield
    except EvidenceError as error:
        raise EvidenceError(f"{place}: {error.message}", hint=error.hint) from error
    except _MALFORMED as error:
        raise EvidenceError(f"{place}: it cannot be read ({error!r})") from error
