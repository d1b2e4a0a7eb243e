"""The cover of a pack as one HTML page: what it is, whom it counts, what came out, and what is not in it and why.

An auditor reads it first, so it also says how to verify the pack without this program, and what none of it proves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from hardencheck.model.attestation import Attested
from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.pack import Cover, Packed, Withheld
from hardencheck.model.waiver import WaiverState
from hardencheck.report import html_page
from hardencheck.report.escape import csv_cell
from hardencheck.report.html_view import NAMES, view
from hardencheck.report.waivers import LISTED, WORDS

#: how a waiver stands -> the badge that it gets
_BADGES = {
    WaiverState.IN_FORCE: "accepted",
    WaiverState.EXPIRING: "accepted",
    WaiverState.EXPIRED: "fail",
    WaiverState.SUSPENDED: "fail",
    WaiverState.NOT_BEGUN: "pending",
    WaiverState.IDLE: "aside",
}


@dataclass(frozen=True, slots=True)
class _Scope:
    """One sweep with its hosts counted by state, and those that appeared and vanished since the sweep before it."""

    packed: Packed
    states: Counter[HostState]
    appeared: tuple[str, ...]
    vanished: tuple[str, ...]


def render(cover: Cover) -> str:
    """Return the cover as one HTML document (UTF-8): the same pack gives the same text."""
    report = cover.report
    found = view(report)
    return html_page.render(
        "cover.html.j2",
        cover=cover,
        report=report,
        view=found,
        scopes=tuple(_scopes(cover.packed)),
        rows={host.host: (host, tally) for host, tally in found.hosts},
        standings=[each for state in LISTED for each in report.waivers or () if each.state is state],
        standing_counts=Counter(each.state for each in report.waivers or ()),
        standing_words=WORDS,
        standing_badges=_BADGES,
        attested=_open_first(report.attested or ()),
        withheld=_by_sweeps(cover.packed),
        narrowed=sum(each.narrowed_baseline or each.narrowed_roster for each in cover.packed),
        edited=sorted({host for each in cover.packed for host in each.edited}),
        left_out=[(reason, places, lines_of(places)) for reason, places in sorted(cover.left_out.items()) if places],
        respelt=any(csv_cell(host.host) != host.host or '"' in host.host for host in report.sweep.hosts),
        most=NAMES,
    )


def _scopes(packed: Iterable[Packed]) -> Iterator[_Scope]:
    before: frozenset[str] | None = None
    for each in packed:
        names = frozenset(host.host for host in each.sweep.hosts)
        states = Counter(host.state for host in each.sweep.hosts)
        known = names if before is None else before
        yield _Scope(each, states, tuple(sorted(names - known)), tuple(sorted(known - names)))
        before = names


def _open_first(attested: Iterable[Attested]) -> list[Attested]:
    return sorted(attested, key=lambda each: (each.outcome is Outcome.PASS, each.control.id))


def _by_sweeps(packed: Iterable[Packed]) -> list[tuple[Withheld, int]]:
    """Return what is withheld, each with the number of sweeps in which it is."""
    found = Counter(withheld for each in packed for withheld in each.withheld)
    return sorted(found.items(), key=lambda item: (item[0].host, item[0].probe, item[0].digest))


def lines_of(positions: Iterable[int]) -> str:
    """Return places of the log as the lines of its file, which are counted from 1: `1 to 3, 7`."""
    ordered = sorted(position + 1 for position in positions)
    breaks = [place for place, (one, next_) in enumerate(pairwise(ordered), 1) if next_ != one + 1]
    runs = [ordered[start:end] for start, end in zip([0, *breaks], [*breaks, len(ordered)], strict=True)]
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs if run)
