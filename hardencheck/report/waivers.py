"""How waivers stand: on the screen, and in the words and lists that other reports take from here."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from hardencheck.model.report import Report, Standing
from hardencheck.model.sweep import HostResult
from hardencheck.model.waiver import WARN_DAYS, WaiverState
from hardencheck.report.escape import term
from hardencheck.report.screen import counted, indented, names

#: how a waiver stands, in words
WORDS = {
    WaiverState.IN_FORCE: "in force",
    WaiverState.EXPIRING: f"expiring within {WARN_DAYS} days",
    WaiverState.SUSPENDED: "suspended",
    WaiverState.EXPIRED: "expired",
    WaiverState.NOT_BEGUN: "not begun",
    WaiverState.IDLE: "with nothing to cover",
}
#: what calls for attention comes first; waivers in force for long come last, and idle ones are only counted
ATTENTION = (WaiverState.EXPIRED, WaiverState.SUSPENDED, WaiverState.EXPIRING)
LISTED = (*ATTENTION, WaiverState.NOT_BEGUN, WaiverState.IN_FORCE)
_TOP = 20
_WHY_NOT = {
    WaiverState.SUSPENDED: "is suspended, for what is observed here is not what was accepted",
    WaiverState.EXPIRED: "has expired",
    WaiverState.NOT_BEGUN: "has not begun",
}


def render(report: Report) -> str:
    """Return the section about waivers; nothing when none were given."""
    if report.waivers is None:
        return ""
    count = Counter(standing.state for standing in report.waivers)
    words = [f"{count[state]} {word}" for state, word in WORDS.items() if count[state]]
    lines = [f"Waivers at {report.made}: {', '.join(words) or 'none'}"]
    listed = [standing for state in LISTED for standing in report.waivers if standing.state is state]
    for standing in listed[:_TOP]:
        lines += _entry(standing)
    if len(listed) > _TOP:
        lines.append(f"  and {len(listed) - _TOP} more: hardencheck report --format json")
    return "\n".join(lines)


def attention(report: Report) -> list[str]:
    """Return a line for each waiver that somebody must look at: expired, suspended, expiring; escaped."""
    order = [each for state in ATTENTION for each in report.waivers or () if each.state is state]
    return [term("; ".join(_told(standing))) for standing in order]


def uncovered(report: Report, host: HostResult) -> dict[str, str]:
    """Return, by rule, why a failure of a host is not covered by the waiver that names it; escaped, one line each.

    Of several waivers the one that ends last is named; where another one covers the failure, there is nothing to say.
    """
    found = {}
    for standing in sorted(report.waivers or (), key=lambda each: (each.waiver.expires, each.waiver.id)):
        named = host.host in standing.suspended or host.host in standing.lapsed
        if named and (host.host, standing.rule_id) not in report.waived:
            waiver = standing.waiver
            # some hosts may be covered by a waiver that is suspended on this one
            state = WaiverState.SUSPENDED if host.host in standing.suspended else standing.state
            called = f"waiver {waiver.id} (ticket {waiver.ticket}, until {waiver.expires})"
            found[standing.rule_id] = term(f"not accepted: {called} {_WHY_NOT[state]}")
    return found


def to_json(standing: Standing) -> dict[str, Any]:
    """Return the dict of how one waiver stands."""
    return {
        **asdict(standing.waiver),
        "rule_id": standing.rule_id,
        "scope": standing.scope,
        "state": standing.state.value,
        "covers": list(standing.covers),
        "suspended": list(standing.suspended),
        "lapsed": list(standing.lapsed),
    }


def _told(standing: Standing) -> tuple[str, str]:
    waiver = standing.waiver
    head = f"{WORDS[standing.state]}: {standing.rule_id} until {waiver.expires} ({waiver.id}, {waiver.ticket})"
    return head, f"for {standing.scope}; approved by {waiver.approver}: {waiver.reason}"


def _entry(standing: Standing) -> list[str]:
    head, rest = _told(standing)
    lines = [*indented(head, 2), *indented(rest, 9, 2)]
    if standing.covers:
        lines += indented(f"covers {counted(len(standing.covers), 'host')}: {names(standing.covers)}", 9)
    if standing.suspended:
        what = f"does not cover {counted(len(standing.suspended), 'host')}: {names(standing.suspended)}"
        lines += indented(f"{what}: what is observed there is not what was accepted", 9)
    if standing.lapsed:
        lines += indented(f"fails on {counted(len(standing.lapsed), 'host')}: {names(standing.lapsed)}", 9)
    return lines
