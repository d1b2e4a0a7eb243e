"""What the HTML page shows of a report: counted, grouped by rule, ordered and cut to size; no markup here.

A rule that fails on a hundred hosts is one entry, and hosts on which the same was read are one reading in it. What is
left out is counted; the CSV report has every row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from hardencheck.model.baseline import Rule
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.report import Report, Waived
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult
from hardencheck.model.wording import shown
from hardencheck.report.html_changes import Changes, changes, mark
from hardencheck.report.html_waivers import Group as WaiverGroup
from hardencheck.report.html_waivers import waivers
from hardencheck.report.summary import Score, exit_statuses
from hardencheck.report.waivers import uncovered

#: of one rule are shown so many different readings, so many hosts with their evidence, and so many by name alone
READINGS, HOSTS, NAMES = 10, 40, 200
#: so many facts of one reading, and so many characters of a text that a host had a hand in
FACTS, TEXT = 12, 400
#: so many reasons why something was not asked
REASONS = 50

#: outcomes that leave a question open, and those that count for nothing
OPEN = (Outcome.UNKNOWN, Outcome.ERROR, Outcome.NOTCHECKED)
ASIDE = (Outcome.NOTAPPLICABLE, Outcome.NOTSELECTED, Outcome.INFORMATIONAL, Outcome.FIXED)


@dataclass(slots=True)
class Tally:
    """How many results of each outcome, and how many of the failing ones somebody has accepted."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    accepted: int = 0

    def add(self, outcome: Outcome, accepted: bool) -> None:
        """Count one result."""
        self.outcomes[outcome] += 1
        self.accepted += accepted

    def __iadd__(self, other: Tally) -> Tally:
        self.outcomes.update(other.outcomes)
        self.accepted += other.accepted
        return self

    @property
    def passed(self) -> int:
        """Results that pass."""
        return self.outcomes[Outcome.PASS]

    @property
    def failed(self) -> int:
        """Results that fail, accepted or not."""
        return self.outcomes[Outcome.FAIL]

    @property
    def open(self) -> int:
        """Results that nobody could tell."""
        return sum(self.outcomes[outcome] for outcome in OPEN)

    @property
    def aside(self) -> int:
        """Results that do not count."""
        return sum(self.outcomes[outcome] for outcome in ASIDE)

    @property
    def counted(self) -> int:
        """Results that count towards the score."""
        return self.passed + self.failed + self.open

    @property
    def percent(self) -> float | None:
        """The score, accepted failures counted as failures."""
        return Score(self.outcomes).percent

    @property
    def percent_accepted(self) -> float | None:
        """The score when accepted failures are left out of the count."""
        return Score(self.outcomes - Counter({Outcome.FAIL: self.accepted})).percent

    @property
    def verdict(self) -> str:
        """The worst that was found, as a word of the page."""
        if self.failed > self.accepted:
            return "fail"
        if self.open:
            return "open"
        if self.failed:
            return "accepted"
        return "pass" if self.passed else "aside"


@dataclass(frozen=True, slots=True)
class Group:
    """A row of counts: a client's unit, a theme, a control, a rule; `hosts` were in scope, `seen` of them whole."""

    name: tuple[str, ...]
    tally: Tally
    hosts: int = 0
    seen: int = 0
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """The same reading on some hosts: (name, evidence) of each, and (fact, observed, expected, where) of each fact.

    `uncovered` says why a waiver does not cover it. `mark` says, in a word and in a sentence, that it is not
    what it was.
    """

    outcome: Outcome
    level: str
    message: str
    facts: tuple[tuple[str, str, str, str], ...]
    waived: Waived | None
    uncovered: str
    mark: tuple[str, str] | None
    hosts: tuple[tuple[str, str], ...] = ()
    more_hosts: int = 0
    more_facts: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule with what was read on the hosts concerned; `others` are hosts by name alone, `more` those left out.

    `marks` are the words for findings that are not what they were, each with the number of hosts.
    """

    rule: Rule
    outcomes: tuple[tuple[Outcome, int], ...]
    concerned: int
    accepted: int
    tally: Tally
    marks: tuple[tuple[str, int], ...]
    readings: tuple[Reading, ...]
    others: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Unasked:
    """Why nobody asked some rules: the reason, the rules, and on how many hosts."""

    reason: str
    rules: tuple[str, ...]
    hosts: int


@dataclass(frozen=True, slots=True)
class View:
    """All that the page shows."""

    report: Report
    total: Tally
    states: Counter[HostState]
    unseen: tuple[HostResult, ...]
    units: tuple[Group, ...]
    themes: tuple[Group, ...]
    frameworks: Mapping[str, tuple[Group, ...]]
    rules: tuple[Group, ...]
    failures: tuple[Entry, ...]
    questions: tuple[Entry, ...]
    changes: Changes | None
    waivers: tuple[WaiverGroup, ...]
    unasked: tuple[Unasked, ...]
    more_unasked: int
    without_results: tuple[str, ...]
    hosts: tuple[tuple[HostResult, Tally], ...]
    exits: Mapping[int, tuple[Severity, ...]]


def view(report: Report) -> View:
    """Return what the page shows of a report: the same report gives the same view."""
    sweep, rules = report.sweep, {rule.id: rule for rule in report.baseline.rules}
    by_rule = _by(report, lambda _, result: result.rule_id)
    per_rule = [Group((rule.id,), by_rule[rule.id], rules=(rule,)) for rule in rules.values() if rule.id in by_rule]
    by_host = _by(report, lambda host, _: host.host)
    hosts = tuple((host, by_host.get(host.host, Tally())) for host in sorted(sweep.hosts, key=lambda host: host.host))
    unseen = [host for host in sweep.hosts if host.state is not HostState.REACHED]
    by_theme = _by(report, lambda _, result: result.theme)
    unasked = _unasked(sweep.hosts)
    total = Tally()
    for tally in by_rule.values():
        total += tally
    return View(
        report=report,
        total=total,
        states=Counter(host.state for host in sweep.hosts),
        unseen=tuple(sorted(unseen, key=lambda h: (-list(HostState).index(h.state), h.reason, h.host))),
        units=_units(hosts),
        themes=tuple(Group((theme,), by_theme[theme]) for theme in sorted(by_theme)),
        frameworks=_frameworks(report.baseline.references, per_rule),
        rules=tuple(sorted(per_rule, key=lambda group: group.name)),
        failures=_entries(report, by_rule, lambda _, result: result.outcome is Outcome.FAIL),
        questions=_entries(report, by_rule, _is_question),
        changes=changes(report),
        waivers=waivers(report),
        unasked=unasked[:REASONS],
        more_unasked=max(0, len(unasked) - REASONS),
        without_results=tuple(sorted(set(rules) - set(by_rule))),
        hosts=hosts,
        exits=_exits(report),
    )


def cut(value: object, most: int = TEXT) -> str:
    """Return a text, at most so long; one that was cut says how long it was."""
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters in all)"


def waiver(report: Report, host: HostResult, result: RuleResult) -> Waived | None:
    """Return the waiver that covers a result: only a failure can be accepted."""
    return report.waived.get((host.host, result.rule_id)) if result.outcome is Outcome.FAIL else None


def _by(report: Report, key: Callable[[HostResult, RuleResult], str]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    for host in report.sweep.hosts:
        for result in host.results:
            tally = tallies.setdefault(key(host, result), Tally())
            tally.add(result.outcome, waiver(report, host, result) is not None)
    return tallies


def _is_question(host: HostResult, result: RuleResult) -> bool:
    """Whether a result of a host that answered was left open: hosts that did not are told by the coverage."""
    return result.outcome in OPEN and host.state in (HostState.REACHED, HostState.PARTIAL)


def _units(hosts: Iterable[tuple[HostResult, Tally]]) -> tuple[Group, ...]:
    found: dict[tuple[str, str], list[tuple[HostResult, Tally]]] = {}
    for host, tally in hosts:
        key = (host.labels.get("client", ""), host.labels.get("process_unit", ""))
        found.setdefault(key, []).append((host, tally))
    groups = []
    for name, members in sorted(found.items()):
        total = Tally()
        for _, tally in members:
            total += tally
        seen = sum(host.state is HostState.REACHED for host, _ in members)
        groups.append(Group(name, total, len(members), seen))
    return tuple(groups)


def _frameworks(titles: Mapping[str, str], rules: Iterable[Group]) -> dict[str, tuple[Group, ...]]:
    """Return each framework with its controls: the results of all rules that name one are its results."""
    found: dict[str, dict[str, list[Group]]] = {framework: {} for framework in titles}
    for group in rules:
        for framework, controls in group.rules[0].references.items():
            for control in controls:
                found.setdefault(framework, {}).setdefault(control, []).append(group)
    return {
        framework: tuple(_control(control, controls[control]) for control in sorted(controls, key=_natural))
        for framework, controls in found.items()
        if controls
    }


def _control(control: str, groups: Iterable[Group]) -> Group:
    total = Tally()
    rules: list[Rule] = []
    for group in sorted(groups, key=lambda group: group.name):
        total += group.tally
        rules += group.rules
    return Group((control,), total, rules=tuple(rules))


def _natural(text: str) -> list[tuple[int, str]]:
    """Order by the numbers in a text as numbers: 8.2.8 comes before 8.10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def _entries(
    report: Report, tallies: Mapping[str, Tally], wanted: Callable[[HostResult, RuleResult], bool]
) -> tuple[Entry, ...]:
    found: dict[str, list[tuple[Reading, str, str]]] = {}
    for host in report.sweep.hosts:
        lapsed = uncovered(report, host)
        for result in host.results:
            if wanted(host, result):
                reading = _reading(report, host, result, lapsed.get(result.rule_id, ""))
                found.setdefault(result.rule_id, []).append((reading, host.host, result.evidence or ""))
    entries = [_entry(report.baseline.rule(rule_id), tallies[rule_id], seen) for rule_id, seen in found.items()]
    return tuple(sorted(entries, key=lambda e: (-e.rule.severity.rank, -e.concerned, e.rule.id)))


def _entry(rule: Rule, tally: Tally, seen: list[tuple[Reading, str, str]]) -> Entry:
    grouped: dict[Reading, list[tuple[str, str]]] = {}
    for reading, host, evidence in seen:
        grouped.setdefault(reading, []).append((host, evidence))
    # what is not as it was comes first
    ordered = sorted(grouped.items(), key=lambda item: (item[0].mark is None, -len(item[1]), min(item[1])))
    room, readings, others = HOSTS, [], []
    for number, (reading, hosts) in enumerate(ordered):
        hosts.sort()
        if number >= READINGS or not room:
            others += [name for name, _ in hosts]
            continue
        taken = hosts[:room]
        room -= len(taken)
        others += [name for name, _ in hosts[len(taken) :]]
        readings.append(replace(reading, hosts=tuple(taken), more_hosts=len(hosts) - len(taken)))
    others.sort()
    outcomes = Counter(reading.outcome for reading, _, _ in seen)
    marks = Counter(reading.mark[0] for reading, _, _ in seen if reading.mark)
    return Entry(
        rule=rule,
        outcomes=tuple(sorted(outcomes.items())),
        concerned=len(seen),
        accepted=tally.accepted if Outcome.FAIL in outcomes else 0,
        tally=tally,
        marks=tuple(sorted(marks.items(), reverse=True)),
        readings=tuple(readings),
        others=tuple(others[:NAMES]),
        more=max(0, len(others) - NAMES),
    )


def _reading(report: Report, host: HostResult, result: RuleResult, lapsed: str) -> Reading:
    """Return a result without its host, so that hosts on which the same was read can be told together."""
    facts = tuple(
        (cut(why.fact), cut(shown(why.observed)), cut(why.expected), cut(why.read_from))
        for why in result.reasons[:FACTS]
    )
    message = "" if facts else cut(result.message)
    more = max(0, len(result.reasons) - FACTS)
    return Reading(
        outcome=result.outcome,
        level=result.level.value,
        message=message,
        facts=facts,
        waived=waiver(report, host, result),
        uncovered=lapsed if result.outcome is Outcome.FAIL else "",
        mark=mark(report, host.host, result.rule_id),
        more_facts=more,
    )


def _unasked(hosts: Iterable[HostResult]) -> tuple[Unasked, ...]:
    found: dict[str, tuple[set[str], set[str]]] = {}
    for host in hosts:
        for result in host.results:
            if result.outcome is Outcome.NOTSELECTED:
                rules, names = found.setdefault(result.message, (set(), set()))
                rules.add(result.rule_id)
                names.add(host.host)
    return tuple(
        Unasked(cut(reason), tuple(sorted(rules)), len(names)) for reason, (rules, names) in sorted(found.items())
    )


def _exits(report: Report) -> dict[int, tuple[Severity, ...]]:
    codes: dict[int, tuple[Severity, ...]] = {}
    for fail_on, code in exit_statuses(report).items():
        codes[code] = (*codes.get(code, ()), fail_on)
    return codes
