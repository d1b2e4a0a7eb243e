"""Proves a chain from its first link to the last captured byte, or names the first link that is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
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
    """What was proved: how many links, which keys signed them, where the log stands, and what was looked at of it."""

    links: int = 0
    sweeps: int = 0
    hosts: int = 0
    captures: int = 0
    signers: set[str] = field(default_factory=set)
    head: Checkpoint | None = None


def verify(source: Source, trusted: Collection[Verifier], checkpoint: Checkpoint | None = None) -> Verified:
    """Verify everything that a source holds; raises EvidenceError that names the first broken link.

    With a checkpoint, the log must be one that grew out of what the checkpoint was made of.
    """
    found = Verified()
    sealed = _verify_links(source, trusted, checkpoint, found)
    finished = source.finished()
    for sweep_id in finished:
        if sweep_id not in sealed:
            raise EvidenceError(f"sweep {sweep_id}: it is finished, expected a link of the chain that seals it")
    if source.whole:
        for sweep_id in sealed:
            if sweep_id not in finished:
                raise EvidenceError(f"sweep {sweep_id}: the chain seals it, but it is gone")
    held = set(finished)
    seen: set[str] = set()
    for link in source.links():
        if link.sweep_id in held:
            with _at(f"sweep {link.sweep_id}"):
                _Sweep(source, link, sealed[link.sweep_id], seen, found).verify()
    return found


def _verify_links(
    source: Source, trusted: Collection[Verifier], checkpoint: Checkpoint | None, found: Verified
) -> dict[str, Mapping[str, Any]]:
    """Verify signatures, order and tree heads of all links; return the predicate of each sealed sweep."""
    tree, previous, origin = Tree(), None, ""
    sealed: dict[str, Mapping[str, Any]] = {}
    for link in source.links():
        if link.position != tree.size:
            raise EvidenceError(f"link {tree.size} of the chain is missing, link {link.position} follows")
        with _at(f"link {link.position} of the chain ({link.sweep_id})"):
            opened = dsse.unwrap(link.envelope, trusted)
            predicate = _read(opened.payload, "statement", partial(_predicate, link))
            expected = statement.Log(tree.size, tree.root().hex(), previous).to_json()
            if predicate.get("log") != expected:
                raise EvidenceError(f"it continues the log {predicate.get('log')}, expected {expected}")
            if link.sweep_id in sealed:
                raise EvidenceError("it seals a sweep that an earlier link has sealed")
        found.signers.add(opened.keyid)
        sealed[str(link.sweep_id)] = predicate
        origin = origin or origin_of(link.envelope)
        tree.append(leaf_hash(link.envelope))
        previous = digest(link.envelope)
        if checkpoint is not None and checkpoint.size == tree.size:
            _compare(checkpoint, Checkpoint(origin, tree.size, tree.root()), link)
    if checkpoint is not None and checkpoint.size > tree.size:
        raise EvidenceError(
            f"the chain has {tree.size} links, the checkpoint was made of {checkpoint.size}: the last ones are gone",
            hint=_REWRITTEN,
        )
    found.links = found.sweeps = tree.size
    found.head = Checkpoint(origin, tree.size, tree.root()) if tree.size else None
    return sealed


def _predicate(link: Link, payload: bytes) -> Mapping[str, Any]:
    """Return what a link's statement says, once its hosts' leaf hashes are those of its subject."""
    read = statement.read(payload)
    if read.predicate["sweep"]["id"] != link.sweep_id or read.subjects.keys() != {link.sweep_id}:
        raise ValueError(f"it is about {', '.join(read.subjects)}, expected sweep {link.sweep_id}")
    if len(link.leaves) % HASH:
        raise ValueError("the list of its hosts' leaf hashes is cut off")
    head, expected = root(link.hashes()).hex(), read.subjects[str(link.sweep_id)]
    if expected != {statement.TREE: head}:
        raise ValueError(f"the tree over its hosts has the head {head}, expected {expected}")
    return read.predicate


def _compare(checkpoint: Checkpoint, here: Checkpoint, link: Link) -> None:
    if checkpoint.origin != here.origin:
        raise EvidenceError(
            f"the checkpoint is one of log {checkpoint.origin}, this log is {here.origin}: it belongs to another "
            "store, or everything was rewritten from the first sweep on",
            hint=_REWRITTEN,
        )
    if checkpoint.root != here.root:
        raise EvidenceError(
            f"the first {here.size} links of the chain (up to sweep {link.sweep_id}) have the tree head "
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
            if position >= len(hashes):
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
