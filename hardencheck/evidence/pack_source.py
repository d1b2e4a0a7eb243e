"""Reads packs: proves what one holds, and gives it back for judging again. Nothing in a pack is trusted before that."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hardencheck.errors import EvidenceError, UsageError
from hardencheck.evidence import bag, dsse, pack, statement
from hardencheck.evidence.checkpoint import Checkpoint
from hardencheck.evidence.checkpoint import read as read_checkpoint
from hardencheck.evidence.keys import Verifier, public_key
from hardencheck.evidence.merkle import leaf_hash
from hardencheck.evidence.reading import MALFORMED, at, decode
from hardencheck.evidence.source import Part
from hardencheck.evidence.verify import Verified, verify
from hardencheck.model import contents
from hardencheck.model.capture import Capture
from hardencheck.model.chain import Hidden, Link
from hardencheck.model.codec import canonical, host_result_from_json, loads, results_from_bytes
from hardencheck.model.manifest import Manifest
from hardencheck.model.roster import Roster
from hardencheck.model.sweep import HostResult, Sweep

_HASHES = re.compile(rb"([0-9a-f]{64}\n)*")
_PART = re.compile(
    r"data/sweeps/([0-9A-Za-z-]+)/(?:envelope\.json|leaves\.txt|sweep\.json|stamp\.tsr|hosts/([0-9]{6,9})\.json)"
)
_CONTENT = re.compile(r"data/evidence/sha256/[0-9a-f]{64}")
_REPORT = re.compile(
    r"data/(cover\.html|population\.csv|sheets/[0-9]{4,6}\.html|report\.(html|csv)|(waivers|attestations)\.yaml)"
)
_DESCRIBED = frozenset({"sweep", "baseline", "collector_digest", "roster_digest", "settings_digest"})


@contextmanager
def opened(path: Path, trusted: Collection[Verifier] | None) -> Iterator[Pack]:
    """Open a pack, a zip or an unpacked folder, that one of the trusted keys signed; None trusts the key in the pack.

    Raises UsageError when there is none, EvidenceError naming the pack for whatever is not as it must be.
    """
    try:
        with bag.opened(path) as found:
            yield Pack(found, trusted)
    except EvidenceError as error:
        raise EvidenceError(f"pack {path}: {error.message}", hint=error.hint) from error


@dataclass(frozen=True, slots=True)
class _Held:
    """What is here of one sweep: the files of its hosts by position, and what `sweep.json` says of it."""

    hosts: Mapping[int, str]
    described: Mapping[str, Any]
    part: Part


class Pack:
    """A pack that is open: a source to verify from, and what judging again needs."""

    whole = False

    def __init__(self, files: bag.Bag, trusted: Collection[Verifier] | None) -> None:
        """Verify the signature and what it says of the files; `verify` does the rest."""
        self._bag = files
        self.key = decode(files.read(pack.KEY), pack.KEY, public_key)
        self.trusted = [self.key] if trusted is None else list(trusted)
        self.about = self._signed()
        self._log = self._hashes(pack.LOG)
        with at(pack.CHECKPOINT):
            self._checkpoint = read_checkpoint(files.read(pack.CHECKPOINT), [self.key])
        self.origin = self._checkpoint.origin
        self._asked: set[str] = set()
        hosts = self._host_files()
        self._sweeps = {sweep_id: self._held(sweep_id, hosts[sweep_id]) for sweep_id in self.about.sweeps}

    def verify(self, checkpoint: Checkpoint | None = None) -> Verified:
        """Verify every byte; raises EvidenceError naming the first thing that is not what it must be."""
        self._bag.verify()
        found = verify(self, self.trusted, checkpoint)
        stated = (self.about.log_origin, self.about.log_size, self.about.log_root)
        for name, fits in (
            (pack.CHECKPOINT, self._checkpoint == found.head),
            (pack.ENVELOPE, (self.origin, self._checkpoint.size, self._checkpoint.root.hex()) == stated),
        ):
            if not fits:
                raise EvidenceError(f"{name}: it is not about the log whose entries {pack.LOG} lists")
        self._nothing_beyond()
        return found

    # what `Source` asks for

    def links(self) -> Iterator[Link | Hidden]:
        """Yield the log: the envelopes that are here, and the hashes of the others."""
        envelopes = {leaf_hash(self._in_sweep(sweep_id, pack.SEALED)): sweep_id for sweep_id in self._sweeps}
        order = [envelopes[each] for each in self._log if each in envelopes]
        if order != list(self._sweeps):
            raise EvidenceError(f"{pack.LOG}: it has the sweeps {', '.join(order)}, expected {', '.join(self._sweeps)}")
        for position, each in enumerate(self._log):
            if each not in envelopes:
                yield Hidden(position, each)
                continue
            sweep_id = envelopes[each]
            leaves = b"".join(self._hashes(f"{pack.SWEEPS}{sweep_id}/{pack.LEAVES}"))
            stamp = f"{pack.SWEEPS}{sweep_id}/{pack.STAMP}"
            answer = self._bag.read(stamp) if stamp in self._bag.digests else None
            yield Link(position, self._in_sweep(sweep_id, pack.SEALED), sweep_id, leaves, stamp=answer)

    def finished(self) -> list[str]:
        """Return the ids of the sweeps that are here, oldest first."""
        return list(self._sweeps)

    def described(self, sweep_id: str) -> Mapping[str, Any]:
        """Return what the pack says of a sweep."""
        return self._sweeps[sweep_id].described

    def part(self, sweep_id: str) -> Part:
        """Return what is here of a sweep."""
        return self._sweeps[sweep_id].part

    def leaves(self, link: Link) -> Iterator[tuple[int, bytes]]:
        """Yield the leaves of the client's hosts."""
        for position, name in sorted(self._sweeps[str(link.sweep_id)].hosts.items()):
            leaf = self._bag.read(name)
            if decode(leaf, name, loads)["labels"].get("client") != self.about.client:
                raise EvidenceError(f"{name}: it is no host of client {self.about.client}")
            yield position, leaf

    def blob(self, digest: str) -> bytes:
        """Return the content of one digest."""
        name = f"{pack.EVIDENCE}{digest}"
        if name not in self._bag.digests:
            raise EvidenceError(f"evidence {digest}: the pack does not hold it")
        self._asked.add(digest)
        return self._bag.read(name)

    # what judging again asks for

    def sweep(self, name: str) -> Sweep:
        """Return a sweep with this client's hosts, by `last` or the beginning of its id; raises UsageError."""
        held = list(self._sweeps)
        fitting = held[-1:] if name == "last" else [each for each in held if each.startswith(name)]
        if len(fitting) != 1:
            raise UsageError(
                f"{'no sweep' if not fitting else 'more than one sweep'} in the pack begins with {name!r}",
                hint=f"it holds {', '.join(held)}",
            )
        said = self.described(fitting[0])
        return Sweep(
            id=fitting[0],
            started=said["sweep"]["started"],
            finished=said["sweep"]["finished"],
            baseline_id=said["baseline"]["id"],
            baseline_version=said["baseline"]["version"],
            baseline_digest=said["baseline"]["digest"],
            collector_digest=said["collector_digest"],
            roster_digest=said["roster_digest"],
            hosts=tuple(self._host(file) for _, file in sorted(self._sweeps[fitting[0]].hosts.items())),
        )

    def baseline(self, sweep: Sweep) -> bytes:
        """Return the snapshot of the baseline that a sweep's hosts are judged by."""
        return self.blob(self.part(sweep.id).baseline)

    def roster(self, sweep: Sweep) -> Roster | None:
        """Return the roster that a sweep's hosts are judged by; None when it had none."""
        digest = self.part(sweep.id).roster
        return None if digest is None else contents.roster(digest, self.blob(digest))

    def manifest(self, digest: str) -> Manifest:
        """Return the list of one host's captures."""
        return contents.manifest(digest, self.blob(digest))

    def captures(self, manifest: Manifest) -> Mapping[str, Capture]:
        """Return the captures that a manifest lists, but for those withheld, by their probe's id."""
        return {
            name: contents.capture(name, digest, self.blob(digest))
            for name, digest in manifest.sections.items()
            if f"{pack.EVIDENCE}{digest}" in self._bag.digests
        }

    def withheld(self, sweep: Sweep) -> Mapping[str, frozenset[str]]:
        """Return the probes of whose captures a host lacks some, by the host's name."""
        held = self._sweeps[sweep.id]
        found: dict[str, frozenset[str]] = {}
        for position, probe_id in held.part.withheld:
            name = self._host(held.hosts[position]).host
            found[name] = found.get(name, frozenset()) | {probe_id}
        return found

    def _nothing_beyond(self) -> None:
        """Refuse content that nothing refers to, and content that is said to be withheld."""
        for name in self._bag.digests:
            if _CONTENT.fullmatch(name) and name.removeprefix(pack.EVIDENCE) not in self._asked:
                raise EvidenceError(f"{name}: nothing in the pack refers to it")
        for held in self._sweeps.values():
            for position, probe_id in held.part.withheld:
                manifest = self.manifest(loads(self._bag.read(held.hosts[position]))["manifest"])
                if f"{pack.EVIDENCE}{manifest.sections[probe_id]}" in self._bag.digests:
                    raise EvidenceError(
                        f"section {probe_id} of {manifest.host}: it is said to be withheld, and is here"
                    )

    def _signed(self) -> pack.About:
        """Verify what the key signed, in every form that it stands in here, and return what it says of the pack."""
        envelope = self._bag.read(pack.ENVELOPE)
        with at(pack.ENVELOPE):
            payload = dsse.unwrap(envelope, self.trusted)
        if payload.keyid != self.key.keyid:
            raise EvidenceError(f"{pack.KEY}: it is another key than the one that signed {pack.ENVELOPE}")
        signature = dsse.decoded(loads(envelope)["signatures"][0]["sig"])
        if self._bag.read(pack.PAE) != dsse.pae(dsse.IN_TOTO, payload.payload):
            raise EvidenceError(f"{pack.PAE}: it is not what was signed in {pack.ENVELOPE}")
        if self._bag.read(pack.SIGNATURE) != signature or self._bag.read(pack.KEY) != self.key.pem:
            raise EvidenceError(f"{pack.SIGNATURE} or {pack.KEY}: they are not those of {pack.ENVELOPE}")
        if self._bag.seal is not None and not pack.seals(self._bag.seal, self.key):
            raise EvidenceError(f"the zip's comment is not signed by key {self.key.keyid[:16]}")
        said = decode(payload.payload, pack.ENVELOPE, lambda data: statement.read(data, (statement.PACK,)))
        for name in pack.SIGNED:
            found = {"sha256": self._bag.digests.get(name)}
            if said.subjects.get(name) != found:
                raise EvidenceError(f"{name}: it has the digests {found}, expected {said.subjects.get(name)} as signed")
        if len(said.subjects) != len(pack.SIGNED):
            raise EvidenceError(f"{pack.ENVELOPE}: expected it to be about {', '.join(pack.SIGNED)} alone")
        try:
            return pack.About.from_json(said.predicate)
        except MALFORMED as error:
            raise EvidenceError(f"{pack.ENVELOPE}: it does not describe a pack ({error})") from error

    def _host_files(self) -> dict[str, dict[int, str]]:
        """Return the files with leaves by sweep and position; refuse files that belong to no pack, or not here."""
        hosts: dict[str, dict[int, str]] = {sweep_id: {} for sweep_id in self.about.sweeps}
        known = {
            *pack.SIGNED,
            "bagit.txt",
            pack.ENVELOPE,
            pack.PAE,
            pack.SIGNATURE,
            pack.KEY,
            pack.LOG,
            pack.CHECKPOINT,
        }
        for name in self._bag.digests:
            part = _PART.fullmatch(name)
            if part is None and (name in known or _CONTENT.fullmatch(name) or _REPORT.fullmatch(name)):
                continue
            position = int(part[2] or 0) if part else 0
            if part is None or part[1] not in hosts or (part[2] and not name.endswith(pack.host_file(position))):
                raise EvidenceError(f"{name}: no such file belongs to the pack")
            if part[2]:
                hosts[part[1]][position] = name
        return hosts

    def _held(self, sweep_id: str, hosts: Mapping[int, str]) -> _Held:
        """Return what is here of a sweep."""
        folder = f"{pack.SWEEPS}{sweep_id}/"
        body = decode(self._in_sweep(sweep_id, pack.DESCRIBED), f"{folder}{pack.DESCRIBED}", _sweep_file)
        if (body["roster"] is None) != (body["sealed"]["roster_digest"] is None or self.about.pseudonyms):
            raise EvidenceError(f"{folder}{pack.DESCRIBED}: the roster is missing, or one that the sweep did not have")
        part = Part(
            frozenset(body["hosts"]),
            body["baseline"],
            body["roster"],
            frozenset(body["edited"]),
            frozenset((each["host"], each["probe"]) for each in body["withheld"]),
        )
        if not part.edited | {position for position, _ in part.withheld} <= part.hosts:
            raise EvidenceError(f"{folder}{pack.DESCRIBED}: it speaks of hosts that it does not list")
        return _Held(hosts, body["sealed"], part)

    def _host(self, name: str) -> HostResult:
        """Return a host with its results, from the file with its leaf."""
        body = decode(self._bag.read(name), name, loads)
        with at(name):
            found = host_result_from_json({**{key: body[key] for key in body if key != "salt"}, "results": []})
            if body["results"] is None:
                return found
            data = self.blob(body["results"])
        return replace(found, results=decode(data, f"results {body['results']}", results_from_bytes))

    def _in_sweep(self, sweep_id: str, name: str) -> bytes:
        return self._bag.read(f"{pack.SWEEPS}{sweep_id}/{name}")

    def _hashes(self, name: str) -> list[bytes]:
        """Return the hashes that a file lists, one a line."""
        content = self._bag.read(name)
        if not _HASHES.fullmatch(content):
            raise EvidenceError(f"{name}: expected lines of 64 hexadecimal digits")
        return [bytes.fromhex(line.decode()) for line in content.splitlines()]


def _sweep_file(data: bytes) -> dict[str, Any]:
    """Return what a sweep's own file says; raises ValueError for anything else than what is written."""
    body = loads(data)
    match body:
        case {
            "sealed": dict(sealed),
            "baseline": str(),
            "roster": str() | None,
            "hosts": list(hosts),
            "edited": list(edited),
            "withheld": list(withheld),
            **rest,
        } if not rest and sealed.keys() == _DESCRIBED and canonical(body) == data:
            numbers = [*hosts, *edited, *(each["host"] for each in withheld)]
            if all(type(each) is int for each in numbers) and all(
                isinstance(each[name], str) for each in withheld for name in ("probe", "reason")
            ):
                return dict(body)
    raise ValueError("expected what hardencheck says of a sweep in a pack")
