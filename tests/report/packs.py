"""A pack as its reports describe it: three sweeps of one client, hosts that come and go, a sample, things withheld."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hardencheck.model.attestation import Attestation, Attested, ManualControl
from hardencheck.model.outcome import Outcome
from hardencheck.model.pack import Cover, Packed, Sample, Withheld
from hardencheck.model.report import Report, Standing
from hardencheck.model.sample import sample
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.model.waiver import WaiverState

KEY, HEAD = "ab" * 32, "cd" * 32
CLIENT = "Acme & <Søns>"
IDS = ("20261108T013000Z-00000a", "20261115T013000Z-00000b", "20261122T013000Z-1f00d5")


def cover_of(report: Report, size: int | None = 4, seed: int = 7) -> Cover:
    """Return a pack whose newest sweep is that of the report, with two smaller ones before it.

    The second has lost the first host and has one that is gone since; the first lacks the last two.
    """
    newest = report.sweep
    gone = replace(newest.hosts[0], host="gone <since>")
    packed = (
        Packed(_earlier(newest, IDS[0], newest.hosts[:-2]), 2, 40, stamped=False, limited=True),
        Packed(_earlier(newest, IDS[1], (*newest.hosts[1:], gone)), 5, 41, stamped=True, limited=False),
        Packed(newest, 6, 42, stamped=False, limited=False),
    )
    names = [host.host for host in newest.hosts]
    drawn = Sample(size, seed, sample(names, size, seed)) if size else None
    return Cover(CLIENT, "2026-11-22T06:00:00Z", "2026-11-01", KEY, 9, HEAD, packed, report, sample=drawn)


def changed(cover: Cover) -> Cover:
    """Return the pack with something of everything that a pack may leave out or change."""
    host = cover.newest.sweep.hosts[0]
    capture = Withheld(host.host, "linux.example", host.results[0].evidence or "", "it names others")
    older, newest = cover.packed[:-1], cover.newest
    packed = (
        *(replace(each, withheld=(capture,)) for each in older),
        replace(newest, withheld=(capture,), edited=(host.host,), narrowed_baseline=True, narrowed_roster=True),
    )
    left_out = {"it has no host of this client": (0, 1, 3, 7, 8), "it is about a purge": (4,)}
    return replace(cover, packed=packed, left_out=left_out)


def vouched(cover: Cover) -> Cover:
    """Return the pack with a waiver in each state that there is, and three attestations."""
    report = cover.report
    waived = next(iter(report.waived.values()))
    failing = [(h.host, r.rule_id) for h in report.sweep.hosts for r in h.results if r.outcome is Outcome.FAIL]
    standings = tuple(
        Standing(
            replace(waived, id=f"W-{state.value}", reason=f"because of <{state.value}>"),
            failing[0][1], "client <x>", state,
            covers=(failing[0][0],) if state in (WaiverState.IN_FORCE, WaiverState.EXPIRING) else (),
            suspended=(failing[0][0],) if state is WaiverState.SUSPENDED else (),
            lapsed=(failing[0][0],) if state is WaiverState.EXPIRED else (),
        )
        for state in WaiverState
    )  # fmt: skip
    said = Attestation("nda", "Ana <ana>", date(2026, 6, 1), "nda & more.pdf", "ef" * 32)
    attested = (
        Attested(_control("nda"), said, date(2027, 6, 1), Outcome.PASS),
        Attested(_control("drill"), replace(said, control="drill"), date(2026, 7, 1), Outcome.NOTCHECKED),
        Attested(_control("training"), None, None, Outcome.NOTCHECKED),
    )
    return replace(cover, report=replace(report, waivers=standings, attested=attested))


def _control(name: str) -> ManualControl:
    return ManualControl(name, f"The <{name}> is & stays", "a file", 365)


def _earlier(sweep: Sweep, sweep_id: str, hosts: tuple[HostResult, ...]) -> Sweep:
    day = f"{sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}"
    return replace(sweep, id=sweep_id, started=f"{day}T01:30:00Z", finished=f"{day}T01:40:00Z", hosts=hosts)
