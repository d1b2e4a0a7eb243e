"""One sweep as it goes into a pack: its client's hosts, their evidence, and what of it is not as it was sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from hardencheck.baselines.narrow import narrow, units_named
from hardencheck.baselines.snapshot import from_bytes, to_bytes
from hardencheck.evidence import pack, statement
from hardencheck.evidence.reading import decode
from hardencheck.model import contents
from hardencheck.model.baseline import Baseline
from hardencheck.model.capture import digest
from hardencheck.model.chain import StoredHost
from hardencheck.model.codec import canonical, results_to_bytes
from hardencheck.model.manifest import Manifest
from hardencheck.model.pack import Packed, Withheld
from hardencheck.model.roster import Roster
from hardencheck.model.sweep import HostResult
from hardencheck.pipeline.cleaning import Cleaner
from hardencheck.pipeline.export_select import Chosen
from hardencheck.probes.roster_words import READERS, directory_in, tokens_of
from hardencheck.storage.chain import Snapshot

#: why a capture is withheld; whom it names, is not said
NAMES_OTHERS = "names others"


@dataclass
class _Parts:
    """What is gathered of one sweep on the way: its hosts as they are in the pack, and what is special about them."""

    hosts: list[HostResult] = field(default_factory=list)
    edited: list[StoredHost] = field(default_factory=list)
    withheld: list[tuple[int, Withheld]] = field(default_factory=list)
    #: the words of captures that may be logins; whether an account may come from a directory
    tokens: set[str] = field(default_factory=set)
    directory: bool = False


class Packer:
    """Gathers the files of a pack below `data/sweeps` and `data/evidence`; each content is there once."""

    def __init__(self, snapshot: Snapshot, cleaner: Cleaner) -> None:
        self.files: dict[str, Callable[[], bytes]] = {}
        self._snapshot = snapshot
        self._cleaner = cleaner
        self._named: dict[str, bool] = {}
        self._heard: dict[str, tuple[frozenset[str], bool]] = {}

    def add(self, chosen: Chosen) -> tuple[Packed, Baseline]:
        """Add a sweep; return it as it is in the pack, and the baseline that its hosts are judged by there."""
        folder, parts = f"{pack.SWEEPS}{chosen.sweep.id}/", _Parts()
        for host in chosen.hosts:
            self._put(folder + pack.host_file(host.position), self._host(host, chosen, parts))
        baseline = self._baseline(chosen)
        baseline_digest = self._keep(to_bytes(baseline))
        roster = self._roster(chosen, baseline, parts)
        roster_digest = self._keep(roster.to_bytes()) if roster else None
        described = {
            "sealed": statement.described(chosen.sweep),
            "baseline": baseline_digest,
            "roster": roster_digest,
            "hosts": [each.position for each in chosen.hosts],
            "edited": [each.position for each in parts.edited],
            "withheld": [
                {"host": position, "probe": each.probe, "reason": each.reason} for position, each in parts.withheld
            ],
        }
        self._put(folder + pack.DESCRIBED, canonical(described))
        self._put(folder + pack.SEALED, chosen.link.envelope)
        self._put(folder + pack.LEAVES, "".join(f"{each.hex()}\n" for each in chosen.link.hashes()).encode())
        if chosen.link.stamp is not None:
            self._put(folder + pack.STAMP, chosen.link.stamp)
        packed = Packed(
            sweep=replace(chosen.sweep, settings={}, hosts=tuple(parts.hosts)),
            position=chosen.link.position,
            sealed=chosen.sealed,
            stamped=chosen.link.stamp is not None,
            limited=chosen.sweep.settings.get("limit") is not None,
            withheld=tuple(each for _, each in parts.withheld),
            edited=tuple(each.result.host for each in parts.edited),
            narrowed_baseline=baseline_digest != chosen.sweep.baseline_digest,
            narrowed_roster=roster_digest != chosen.sweep.roster_digest,
        )
        return packed, baseline

    def _host(self, stored: StoredHost, chosen: Chosen, parts: _Parts) -> bytes:
        """Add what belongs to one host, and return its leaf."""
        host = self._cleaner.host(stored.result)
        if (address := host.manifest) is not None:
            manifest = contents.manifest(address, self._snapshot.blob(address))
            cleaned = self._cleaner.manifest(manifest)
            if cleaned == manifest:
                self._stored(address)
            else:
                host = replace(host, manifest=self._keep(cleaned.to_bytes()))
            self._captures(stored.position, host.host, cleaned, parts)
        parts.hosts.append(host)
        if host != stored.result:
            results = self._keep(results_to_bytes(host.results))
            parts.edited.append(replace(stored, result=host))
            return statement.leaf(StoredHost(stored.position, host, results), None)
        if stored.results is not None:
            self._stored(stored.results)
        return statement.leaf(stored, chosen.link.salt)

    def _captures(self, position: int, host: str, manifest: Manifest, parts: _Parts) -> None:
        """Add the captures of one host that name nobody else."""
        for probe_id, address in manifest.sections.items():
            if address not in self._named:
                self._named[address] = self._cleaner.words.found_in(self._snapshot.blob(address))
            if self._named[address]:
                parts.withheld.append((position, Withheld(host, probe_id, address, NAMES_OTHERS)))
                continue
            self._stored(address)
            if probe_id in READERS:
                if address not in self._heard:
                    capture = contents.capture(probe_id, address, self._snapshot.blob(address))
                    self._heard[address] = tokens_of([capture]), directory_in([capture])
                tokens, directory = self._heard[address]
                parts.tokens |= tokens
                parts.directory |= directory

    def _baseline(self, chosen: Chosen) -> Baseline:
        address = chosen.sweep.baseline_digest
        whole = decode(self._snapshot.blob(address), f"baseline {address}", from_bytes)
        return self._cleaner.baseline(narrow(whole, (each.result for each in chosen.hosts)))

    def _roster(self, chosen: Chosen, baseline: Baseline, parts: _Parts) -> Roster | None:
        """Return what is left of the roster; nothing with pseudonyms, where there are no captures to judge by it."""
        address = chosen.sweep.roster_digest
        if address is None or self._cleaner.pseudonyms:
            return None
        whole = contents.roster(address, self._snapshot.blob(address))
        units = {each.result.labels.get("process_unit", "") for each in chosen.hosts}
        left = whole.narrowed(parts.tokens, units, units_named(baseline), directory=parts.directory)
        return self._cleaner.roster(left)

    def _keep(self, data: bytes) -> str:
        """Add content under its digest, which is returned."""
        address = digest(data)
        self._put(f"{pack.EVIDENCE}{address}", data)
        return address

    def _stored(self, address: str) -> None:
        """Add content that the store holds; it is read when it is written."""
        self.files.setdefault(f"{pack.EVIDENCE}{address}", partial(self._snapshot.blob, address))

    def _put(self, name: str, data: bytes) -> None:
        self.files[name] = partial(bytes, data)


def captures_of(snapshot: Snapshot, chosen: Chosen) -> Iterator[tuple[str, str]]:
    """Yield the captures of a sweep's hosts: the probe's id and the digest, each digest once."""
    seen: set[str] = set()
    for host in chosen.hosts:
        if host.result.manifest is not None:
            manifest = contents.manifest(host.result.manifest, snapshot.blob(host.result.manifest))
            for probe_id, address in manifest.sections.items():
                if address not in seen:
                    seen.add(address)
                    yield probe_id, address
