"""Proves a chain from its first link to the last captured byte, or names the first link that is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hardencheck.errors import EvidenceError
from hardencheck.evidence import dsse, statement
from hardencheck.evidence.checkpoint import Checkpoint, origin_of
from hardencheck.evidence.keys import Verifier
from hardencheck.evidence.merkle import Tree, leaf_hash, root
from hardencheck.evidence.reading import at, decode
from hardencheck.evidence.source import Part, Source
from hardencheck.model.capture import Capture, digest
from hardencheck.model.chain import HASH, Hidden, Link
from hardencheck.model.codec import loads, results_from_bytes
from hardencheck.model.manifest import Manifest

_REWRITTEN = "compare with copies of the store; the checkpoint proves that this history is not the one it was made of"
#: So many captures are remembered as right; beyond, they are read again.
_REMEMBERED = 500_000
_Read = TypeVar("_Read")


@dataclass(slots=True)
class Verified:
    """What was proved: which keys signed, where the log stands, and what was looked at of what it seals.

    Not proved by the chain, but by whoever vouches for the source, are: `edited`, the hosts that are not as they were
    sealed (sweep, host); `narrowed`, the sweeps whose baseline or roster is not whole; `withheld`, captures not here.
    """

    sweeps: int = 0
    purged: int = 0
    acts: int = 0
    hosts: int = 0
    captures: int = 0
    withheld: int = 0
    edited: list[tuple[str, str]] = field(default_factory=list)
    narrowed: list[str] = field(default_factory=list)
    signers: set[str] = field(default_factory=set)
    head: Checkpoint | None = None


def verify(source: Source, trusted: Collection[Verifier], checkpoint: Checkpoint | None = None) -> Verified:
    """Verify everything that a source holds; raises EvidenceError that names the first broken link.

    With a checkpoint, the log must be one that grew out of what the checkpoint was made of.
    """
    found = Verified()
    chain = _Chain(source.origin)
    for link in source.links():
        if link.position != chain.tree.size:
            raise EvidenceError(f"link {chain.tree.size} of the chain is missing, link {link.position} follows")
        if isinstance(link, Hidden):
            chain.pass_over(link)
        else:
            with at(f"link {link.position} of the chain ({_about(link)})"):
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

    origin: str
    tree: Tree = field(default_factory=Tree)
    sealed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    purged: set[str] = field(default_factory=set)
    _envelopes: dict[str, str] = field(default_factory=dict)
    #: the digest of the last envelope; of a hidden one it is not known, and the head of the tree stands for it
    _previous: str | None = None
    _hidden: bool = False

    @property
    def head(self) -> Checkpoint:
        return Checkpoint(self.origin, self.tree.size, self.tree.root())

    def take(self, link: Link, trusted: Collection[Verifier]) -> str:
        """Verify that a link is signed and continues the chain; return the id of the key."""
        opened = dsse.unwrap(link.envelope, trusted)
        said = decode(opened.payload, "statement", statement.read)
        continued = said.predicate["log"]
        previous = continued["previous"] if self._hidden else self._previous
        expected = statement.Log(self.tree.size, self.tree.root().hex(), previous).to_json()
        if continued != expected:
            raise EvidenceError(f"it continues the log {continued}, expected {expected}")
        if self.tree.size == 0 and self.origin not in ("", origin_of(link.envelope)):
            raise EvidenceError(f"it begins the log {origin_of(link.envelope)}, expected {self.origin}")
        address = digest(link.envelope)
        if said.kind == statement.SWEEP:
            sweep_id = _sealed_by(said, link)
            if sweep_id in self.sealed:
                raise EvidenceError("it seals a sweep that an earlier link has sealed")
            self.sealed[sweep_id] = said.predicate
            self._envelopes[sweep_id] = address
        elif said.kind == statement.PURGE:
            self._purge(said, link)
        else:
            _remediated(said, link)
        self.origin = self.origin or origin_of(link.envelope)
        self._previous, self._hidden = address, False
        self.tree.append(leaf_hash(link.envelope))
        return opened.keyid

    def pass_over(self, link: Hidden) -> None:
        """Go on over a link of which only the leaf hash is here; the heads that later links name prove it."""
        self._hidden = True
        self.tree.append(link.hash)

    def _purge(self, said: statement.Statement, link: Link) -> None:
        if link.sweep_id is not None or link.leaves or link.record:
            raise EvidenceError("it is about a purge, expected no sweep, no hosts and no record beside it")
        for sweep_id, found in said.subjects.items():
            if found != {"sha256": self._envelopes.get(sweep_id)}:
                raise EvidenceError(f"it purges sweep {sweep_id} sealed by {found}, which no earlier link is")
            # whoever may write the store, but has no key, can have made a new sweep look old to the next purge
            ended, before = self.sealed[sweep_id]["sweep"]["finished"], said.predicate["ended_before"]
            if ended >= before:
                raise EvidenceError(
                    f"it purges what ended before {before}; sweep {sweep_id} ended at {ended}: its row said otherwise"
                )
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
        if isinstance(link, Link) and link.record is not None:
            with at(f"link {link.position} of the chain"):
                _content(source, link.record, "record", loads)
                found.acts += 1
        if isinstance(link, Link) and link.sweep_id in held:
            with at(f"sweep {link.sweep_id}"):
                part = source.part(link.sweep_id)
                _Sweep(source, link, chain.sealed[link.sweep_id], part, seen, found).verify()
    if source.whole:
        # the order decides which sweep is the last one, and nothing else says which it is
        for sweep_id, expected in zip(finished, (each for each in chain.sealed if each in held), strict=True):
            if sweep_id != expected:
                raise EvidenceError(f"sweep {sweep_id}: it stands in the place of {expected}, which was sealed before")


def _remediated(said: statement.Statement, link: Link) -> None:
    """Require that a link about remediation names the record that it seals."""
    if link.sweep_id is not None or link.leaves:
        raise EvidenceError("it is about remediation, expected no sweep and no hosts beside it")
    sealed = list(said.subjects.values())
    if sealed != [{"sha256": link.record}]:
        raise EvidenceError(f"it seals {sealed}, expected its record {link.record}")


def _sealed_by(said: statement.Statement, link: Link) -> str:
    """Return the sweep that a link seals, once its hosts' leaf hashes are those of its subject."""
    sweep_id = str(said.predicate["sweep"]["id"])
    if link.record is not None:
        raise EvidenceError("it is about a sweep, expected no record beside it")
    if link.sweep_id != sweep_id or said.subjects.keys() != {sweep_id}:
        raise EvidenceError(f"it is about {', '.join(said.subjects)}, expected sweep {link.sweep_id}")
    if len(link.leaves) % HASH:
        raise EvidenceError("the list of its hosts' leaf hashes is cut off")
    head, expected = root(link.hashes()).hex(), said.subjects[sweep_id]
    if expected != {statement.TREE: head}:
        raise EvidenceError(f"the tree over its hosts has the head {head}, expected {expected}")
    return sweep_id


def _about(link: Link) -> str:
    return link.sweep_id or ("remediation" if link.record else "a purge")


def _compare(checkpoint: Checkpoint, here: Checkpoint, link: Link | Hidden) -> None:
    if checkpoint.origin != here.origin:
        raise EvidenceError(
            f"the checkpoint is one of log {checkpoint.origin}, this log is {here.origin}: it belongs to another "
            "store, or everything was rewritten from the first sweep on",
            hint=_REWRITTEN,
        )
    last = "one of which only the hash is here"
    if isinstance(link, Link):
        last = f"sweep {link.sweep_id}" if link.sweep_id else _about(link)
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
    part: Part | None
    seen: set[str]
    found: Verified
    states: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    #: captures that are said to be withheld and were not come upon yet
    _missing: set[tuple[int, str]] = field(default_factory=set)
    _counted: dict[str, Counter[str]] = field(default_factory=dict)

    def verify(self) -> None:
        """Verify what is here of the sweep: its row, every host's row, manifest, captures and results."""
        self._row()
        self._judged_by()
        hosts = len(self.link.leaves) // HASH
        expected = 0
        here: set[int] = set()
        for position, leaf in self.source.leaves(self.link):
            if not 0 <= position < hosts:
                raise EvidenceError(f"it has a host number {position + 1}, expected {hosts} hosts as sealed")
            if self.source.whole and position != expected:
                raise EvidenceError(f"host number {expected + 1} of {hosts} is gone")
            body = decode(leaf, f"leaf of host number {position + 1}", _object)
            with at(f"host {body.get('host')}"):
                self._leaf(position, leaf, body)
                self._host(position, body)
            here.add(position)
            expected += 1
        if self.source.whole and expected != hosts:
            raise EvidenceError(f"host number {expected + 1} of {hosts} is gone")
        for position in sorted(here ^ self.part.hosts if self.part else ()):
            raise EvidenceError(f"host number {position + 1} of {hosts}: {_amiss(position in here)}")
        if self._missing:
            position, probe_id = min(self._missing)
            raise EvidenceError(f"section {probe_id} of host number {position + 1}: {_amiss(False)}")
        if expected == hosts:
            self._counts()

    def _row(self) -> None:
        said = self.source.described(str(self.link.sweep_id))
        for name, value in (said or {}).items():
            if self.predicate.get(name) != value:
                raise EvidenceError(f"its {name} is {value}, expected {self.predicate.get(name)} as sealed")

    def _judged_by(self) -> None:
        """Verify the baseline and the roster: the sealed ones, or what a part says is left of them."""
        baseline, roster = self.predicate["baseline"]["digest"], self.predicate["roster_digest"]
        wanted = (baseline, roster)
        if self.part is not None:
            self._missing = set(self.part.withheld)
            wanted = (self.part.baseline, self.part.roster)
            if wanted != (baseline, roster):
                self.found.narrowed.append(str(self.link.sweep_id))
        _content(self.source, wanted[0], "baseline", bytes)
        if wanted[1] is not None and (self.source.whole or self.part is not None):
            _content(self.source, wanted[1], "roster", bytes)

    def _leaf(self, position: int, leaf: bytes, body: Mapping[str, Any]) -> None:
        """Verify that a host is as it was sealed, or is said not to be."""
        sealed, found = self.link.leaves[position * HASH :][:HASH].hex(), leaf_hash(leaf).hex()
        if self.part is not None and position in self.part.edited:
            if found == sealed:
                raise EvidenceError("it is said to be edited, and is as it was sealed")
            self.found.edited.append((str(self.link.sweep_id), str(body["host"])))
        elif found != sealed:
            raise EvidenceError(f"what is stored of it has the leaf hash {found}, expected {sealed} as sealed")

    def _host(self, position: int, body: Mapping[str, Any]) -> None:
        sections: Mapping[str, str] = {}
        if body["manifest"] is not None:
            manifest = _content(self.source, body["manifest"], "manifest", Manifest.from_bytes)
            if manifest.host != body["host"] or manifest.roster != self.predicate["roster_digest"]:
                raise EvidenceError(
                    f"its manifest is that of host {manifest.host} with roster {manifest.roster}, "
                    f"expected {body['host']} and {self.predicate['roster_digest']}"
                )
            sections = manifest.sections
        for probe_id, address in sections.items():
            if (position, probe_id) in self._missing:
                self._missing.remove((position, probe_id))
                self.found.withheld += 1
                continue
            with at(f"section {probe_id}"):
                self._capture(probe_id, address)
            self.found.captures += 1
        if body["results"] is not None:
            self._results(body["results"])
        self.states[body["state"]] += 1
        self.found.hosts += 1

    def _capture(self, probe_id: str, address: str) -> None:
        key = f"{probe_id} {address}"
        if key not in self.seen:
            capture = _content(self.source, address, "capture", Capture.from_bytes)
            if capture.probe_id != probe_id:
                raise EvidenceError(f"evidence {address}: it is a capture of {capture.probe_id}")
            if len(self.seen) >= _REMEMBERED:
                self.seen.clear()
            self.seen.add(key)

    def _results(self, address: str) -> None:
        if address not in self._counted:
            results = _content(self.source, address, "results", results_from_bytes)
            self._counted[address] = Counter(each.outcome.value for each in results)
        self.outcomes.update(self._counted[address])

    def _counts(self) -> None:
        counted = statement.Counts(self.states, self.outcomes).to_json()
        if self.predicate["counts"] != counted:
            raise EvidenceError(f"its hosts and results count {counted}, expected {self.predicate['counts']} as sealed")


def _content(source: Source, address: str, noun: str, by: Callable[[bytes], _Read]) -> _Read:
    data = source.blob(address)
    if digest(data) != address:
        raise EvidenceError(f"{noun} {address}: its content has the digest {digest(data)}")
    return decode(data, f"{noun} {address}", by)


def _amiss(here: bool) -> str:
    return "it is here, and not listed" if here else "it is listed, and not here"


def _object(data: bytes) -> dict[str, Any]:
    body = loads(data)
    if not isinstance(body, dict):
        raise ValueError("expected an object")
    return body
