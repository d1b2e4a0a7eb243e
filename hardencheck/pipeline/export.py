"""Makes the pack of evidence for one client: selects, narrows, takes names out, reports, signs, and verifies it again.

Whatever is not about this client's hosts stays out: nothing of a sweep goes into a pack but what is named here.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

from hardencheck.baselines.attestations import attestations_to_yaml, manual_controls
from hardencheck.baselines.grant import waivers_to_yaml
from hardencheck.baselines.narrow import narrow_waivers
from hardencheck.baselines.overlay import overlay
from hardencheck.errors import UsageError
from hardencheck.evidence import bag, pack
from hardencheck.evidence.chain import checkpoint_of
from hardencheck.evidence.checkpoint import Checkpoint, signed
from hardencheck.evidence.keys import Signer, Verifier
from hardencheck.evidence.mentions import Words
from hardencheck.evidence.merkle import leaf_hash
from hardencheck.evidence.pack_source import Pack
from hardencheck.evidence.pseudonyms import Pseudonyms, people_on
from hardencheck.model import contents
from hardencheck.model.attestation import Attestation, standing
from hardencheck.model.pack import Cover, Packed, Sample
from hardencheck.model.report import Report
from hardencheck.model.sample import sample
from hardencheck.model.waiver import Waiver
from hardencheck.pipeline.cleaning import Cleaner
from hardencheck.pipeline.export_select import Selection, select
from hardencheck.pipeline.export_sweep import Packer, captures_of
from hardencheck.pipeline.sweep import timestamp
from hardencheck.probes.account_names import people_of
from hardencheck.report import cover as cover_page
from hardencheck.report import formats, population, sheet
from hardencheck.storage import Store
from hardencheck.storage.chain import Snapshot

_PLAIN = re.compile("[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be in a pack: sweeps of this client that ended at or after the day `since` (UTC), None for all.

    `waivers` and `attestations` are None when none are to be told of. `sample` is a size and a seed. With a
    `pseudonym_key`, names are replaced and captures left out.
    """

    client: str
    since: date | None = None
    waivers: tuple[Waiver, ...] | None = None
    attestations: tuple[Attestation, ...] | None = None
    sample: tuple[int, int] | None = None
    pseudonym_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Maker:
    """When a pack is made, the key that signs it, and the keys that may have signed its sweeps before, besides."""

    now: datetime
    key: Signer
    trusted: tuple[Verifier, ...] = ()


def export(store: Store, wanted: Wanted, maker: Maker, path: Path) -> Cover:
    """Write the pack and return its cover; the file appears whole and verified, or not at all.

    Raises UsageError for a client or a day without sweeps and for a path that cannot be written or is taken already,
    EvidenceError when what would be in the pack is not what was sealed.
    """
    if path.exists():
        raise UsageError(f"--out {path}: it is already there", hint="name a file that is not")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    top = _PLAIN.sub("-", path.stem).strip("-.") or "pack"
    with store.snapshot() as snapshot:
        files, about, cover = _contents(snapshot, wanted, maker)
        try:
            with os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                pack.write(file, top, files, about, maker.key)
                file.flush()
                os.fsync(file.fileno())
                Pack(bag.from_zip(file), [maker.key.verifier, *maker.trusted]).verify()
            beside.replace(path)
        except OSError as error:
            raise UsageError(f"--out {path}: it cannot be written ({error.strerror})", hint="another path") from error
        finally:
            beside.unlink(missing_ok=True)
    return cover


def pseudonyms_of(store: Store, client: str, key: bytes) -> Pseudonyms:
    """Return the pseudonyms of everybody and every host that a pack of all sweeps of a client would name."""
    with store.snapshot() as snapshot:
        return _pseudonyms(snapshot, select(snapshot, client, None), key)


def _contents(snapshot: Snapshot, wanted: Wanted, maker: Maker) -> tuple[bag.Files, pack.About, Cover]:
    """Return the payload of a pack, what its signature says of it, and its cover."""
    selection = select(snapshot, wanted.client, wanted.since)
    log = checkpoint_of([link.envelope for link in selection.links])
    key = wanted.pseudonym_key
    pseudonyms = _pseudonyms(snapshot, selection, key) if key is not None else None
    cleaner = Cleaner(Words.of(selection.others, selection.own), pseudonyms)
    packer = Packer(snapshot, cleaner)
    packed, baselines = zip(*(packer.add(each) for each in selection.sweeps), strict=True)
    report = Report(packed[-1].sweep, baselines[-1], timestamp(maker.now))
    texts: dict[str, str] = {}
    if wanted.waivers is not None:
        waivers = narrow_waivers(wanted.waivers, selection.own)
        texts["waivers.yaml"] = waivers_to_yaml(map(cleaner.waiver, waivers))
        report = _with_waivers(report, selection, waivers, maker.now, cleaner)
    if wanted.attestations is not None:
        said = tuple(map(cleaner.attestation, wanted.attestations))
        texts["attestations.yaml"] = attestations_to_yaml(said)
        report = replace(report, attested=tuple(standing(each, said, maker.now) for each in manual_controls()))
    cover = Cover(
        client=wanted.client,
        made=timestamp(maker.now),
        since=wanted.since.isoformat() if wanted.since else None,
        keyid=maker.key.verifier.keyid,
        log_size=log.size,
        log_head=log.root.hex(),
        packed=packed,
        report=report,
        left_out=selection.left_out,
        pseudonyms=pseudonyms is not None,
        sample=_sample(wanted, packed[-1]),
    )
    hashes = "".join(f"{leaf_hash(link.envelope).hex()}\n" for link in selection.links)
    packer.files[pack.LOG] = partial(bytes, hashes.encode())
    packer.files[pack.CHECKPOINT] = partial(bytes, signed(log, maker.key).encode())
    for name, text in {**texts, **dict(_pages(cover))}.items():
        packer.files[f"data/{name}"] = partial(bytes, text.encode("utf-8", "backslashreplace"))
    return packer.files, _about(cover, log, wanted), cover


def _pseudonyms(snapshot: Snapshot, selection: Selection, key: bytes) -> Pseudonyms:
    """Return what replaces the names of this client's hosts, and of everybody on them or in a sweep's roster."""
    people = {host.labels["owner"] for host in selection.own if "owner" in host.labels}
    rosters = {each.sweep.roster_digest for each in selection.sweeps} - {None}
    for address in rosters:
        people |= people_on(contents.roster(str(address), snapshot.blob(str(address))))
    seen = {found for chosen in selection.sweeps for found in captures_of(snapshot, chosen)}
    people |= people_of(contents.capture(name, address, snapshot.blob(address)) for name, address in sorted(seen))
    return Pseudonyms(key, {host.host for host in selection.own}, people)


def _with_waivers(
    report: Report, selection: Selection, waivers: tuple[Waiver, ...], now: datetime, cleaner: Cleaner
) -> Report:
    """Return a report with what waivers cover: found on the results as they were sealed, then told without names."""
    newest = selection.sweeps[-1]
    found = replace(newest.sweep, hosts=tuple(each.result for each in newest.hosts))
    covered, standings = overlay(found, waivers, now)
    return replace(
        report,
        waived={(cleaner.name(host), rule_id): cleaner.waived(each) for (host, rule_id), each in covered.items()},
        waivers=tuple(map(cleaner.standing, standings, waivers)),
    )


def _sample(wanted: Wanted, newest: Packed) -> Sample | None:
    if wanted.sample is None:
        return None
    size, seed = wanted.sample
    return Sample(size, seed, sample((host.host for host in newest.sweep.hosts), size, seed))


def _pages(cover: Cover) -> Iterator[tuple[str, str]]:
    """Yield the reports of a pack: the path below `data` and the text."""
    yield "cover.html", cover_page.render(cover)
    yield "population.csv", population.render(cover)
    for name in ("html", "csv"):
        for _, text in formats.files(name, cover.report):
            yield f"report.{name}", text
    for host, path in cover.sheets.items():
        yield path, sheet.render(cover, host)


def _about(cover: Cover, log: Checkpoint, wanted: Wanted) -> pack.About:
    """Return what the signature says of a pack."""
    size, seed = wanted.sample or (None, None)
    return pack.About(
        client=cover.client,
        made=cover.made,
        since=cover.since,
        sweeps=tuple(each.sweep.id for each in cover.packed),
        log_origin=log.origin,
        log_size=log.size,
        log_root=log.root.hex(),
        pseudonyms=cover.pseudonyms,
        sample_size=size,
        sample_seed=seed,
    )
