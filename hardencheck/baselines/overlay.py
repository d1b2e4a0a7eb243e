"""Lays waivers over the results of a sweep: which failures are covered at one moment, and how each waiver stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Standing, Waived
from hardencheck.model.sweep import Sweep
from hardencheck.model.waiver import Waiver, WaiverState, observed_digest

Covered = Mapping[tuple[str, str], Waived]

_HOLDS = (WaiverState.IN_FORCE, WaiverState.EXPIRING)


def overlay(sweep: Sweep, waivers: Sequence[Waiver], now: datetime) -> tuple[Covered, tuple[Standing, ...]]:
    """Return the failures that are covered at `now` (UTC), by (host, rule), and how each waiver stands.

    Only a failure can be waived: what could not be told stays open. Where several waivers cover one failure, the one
    that holds longest is named.
    """
    covered: dict[tuple[str, str], Waived] = {}
    standings = {}
    for waiver in sorted(waivers, key=lambda each: (each.expires, each.id)):
        standing = _standing(sweep, waiver, now)
        standings[waiver.id] = standing
        covered |= {(host, waiver.rule_id): standing.waiver for host in standing.covers}
    return covered, tuple(standings[waiver.id] for waiver in waivers)


def _standing(sweep: Sweep, waiver: Waiver, now: datetime) -> Standing:
    failing: list[str] = []
    same: list[str] = []
    other: list[str] = []
    for host in sweep.hosts:
        for result in host.results if waiver.concerns(host) else ():
            if result.rule_id == waiver.rule_id and result.outcome is Outcome.FAIL:
                failing.append(host.host)
                (same if observed_digest(result) in waiver.observed else other).append(host.host)
    state = waiver.state_at(now)
    holds = state in _HOLDS
    if holds and not same:
        state = WaiverState.SUSPENDED if other else WaiverState.IDLE
    about = Waived(
        id=waiver.id,
        reason=waiver.reason,
        ticket=waiver.ticket,
        requester=waiver.requester,
        approver=waiver.approver,
        expires=waiver.expires.isoformat(),
        compensating_control=waiver.compensating_control,
    )
    scope = waiver.scope()
    if not holds:
        return Standing(about, waiver.rule_id, scope, state, lapsed=tuple(failing))
    return Standing(about, waiver.rule_id, scope, state, tuple(same), tuple(other))
