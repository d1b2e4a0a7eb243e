"""What the HTML page says of waivers: how each stands, those that need attention first, and what they cover."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hardencheck.model.baseline import Rule
from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Report, Standing, Waived
from hardencheck.model.waiver import WaiverState
from hardencheck.report.waivers import ATTENTION, LISTED, WORDS


@dataclass(frozen=True, slots=True)
class Entry:
    """One waiver, how it stands, and its rule; None where the baseline at hand does not have it."""

    standing: Standing
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Group:
    """The waivers that stand alike, in a word; `urgent` ones somebody must look at."""

    state: WaiverState
    word: str
    urgent: bool
    entries: tuple[Entry, ...]


def waivers(report: Report) -> tuple[Group, ...]:
    """Return all waivers by how they stand, or those that cover a failure where nothing more is known."""
    standings = _covering(report) if report.waivers is None else report.waivers
    rules = {rule.id: rule for rule in report.baseline.rules}
    ordered = sorted(map(_by_name, standings), key=lambda s: (s.waiver.expires, s.waiver.id, s.rule_id, s.covers))
    groups = []
    for state in (*LISTED, WaiverState.IDLE):
        if found := tuple(Entry(each, rules.get(each.rule_id)) for each in ordered if each.state is state):
            groups.append(Group(state, WORDS[state], state in ATTENTION, found))
    return tuple(groups)


def _by_name(standing: Standing) -> Standing:
    hosts = (tuple(sorted(names)) for names in (standing.covers, standing.suspended, standing.lapsed))
    covers, suspended, lapsed = hosts
    return replace(standing, covers=covers, suspended=suspended, lapsed=lapsed)


def _covering(report: Report) -> tuple[Standing, ...]:
    """Return the waivers that cover a failure, each with its hosts."""
    covers: dict[tuple[Waived, str], list[str]] = {}
    for host in report.sweep.hosts:
        for result in host.results:
            waived = report.waived.get((host.host, result.rule_id))
            if waived and result.outcome is Outcome.FAIL:
                covers.setdefault((waived, result.rule_id), []).append(host.host)
    return tuple(
        Standing(waived, rule_id, "", WaiverState.IN_FORCE, tuple(hosts)) for (waived, rule_id), hosts in covers.items()
    )
