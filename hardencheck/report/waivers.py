"""How waivers stand, on the screen: what is accepted, and what somebody must look at again."""

from __future__ import annotations

from collections import Counter

from hardencheck.model.report import Report, Standing
from hardencheck.model.waiver import WARN_DAYS, WaiverState
from hardencheck.report.screen import counted, indented, names

#: how a waiver stands -> in words
WORDS = {
    WaiverState.IN_FORCE: "in force",
    WaiverState.EXPIRING: f"expiring within {WARN_DAYS} days",
    WaiverState.SUSPENDED: "suspended",
    WaiverState.EXPIRED: "expired",
    WaiverState.NOT_BEGUN: "not begun",
    WaiverState.IDLE: "with nothing to cover",
}
#: what calls for attention comes first; waivers in force for long come last, and idle ones are only counted
LISTED = (
    WaiverState.EXPIRED, WaiverState.SUSPENDED, WaiverState.EXPIRING, WaiverState.NOT_BEGUN, WaiverState.IN_FORCE
)  # fmt: skip
_TOP = 20


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


def _entry(standing: Standing) -> list[str]:
    waiver = standing.waiver
    head = f"{standing.rule_id} until {waiver.expires} ({waiver.id}, {waiver.ticket})"
    lines = indented(f"{WORDS[standing.state]}: {head}", 2)
    lines += indented(f"for {standing.scope}; approved by {waiver.approver}: {waiver.reason}", 9, 2)
    if standing.covers:
        lines += indented(f"covers {counted(len(standing.covers), 'host')}: {names(standing.covers)}", 9)
    if standing.suspended:
        what = f"does not cover {counted(len(standing.suspended), 'host')}: {names(standing.suspended)}"
        lines += indented(f"{what}: what is observed there is not what was accepted", 9)
    return lines
