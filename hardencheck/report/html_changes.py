"""What the HTML page says of the sweep before: how many results changed and why, and the most urgent ones in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardencheck.model.baseline import Rule
from hardencheck.model.change import Cause, Change, Comparison, Kind
from hardencheck.model.report import Report
from hardencheck.report.diff import KINDS, alike, changed, sentence, told, why

#: of one set of causes are shown so many changes, of one change so many hosts
CHANGES, HOSTS = 5, 20
#: so many sets of causes
REASONS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """Changes that differ in their host alone; `example` is the first, whose sentences are shown.

    `rule` is None where the baseline at hand no longer has it.
    """

    example: Change
    word: str
    rule: Rule | None
    hosts: tuple[str, ...]
    more_hosts: int

    @property
    def number(self) -> int:
        """On how many hosts."""
        return len(self.hosts) + self.more_hosts


@dataclass(frozen=True, slots=True)
class Group:
    """Changes of the same causes: why, how many results, the most urgent ones, and how many more there are."""

    why: str
    number: int
    rows: tuple[Row, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that the page says of changes; `by_cause` counts a result once for each cause that it has."""

    found: Comparison
    number: int
    kinds: Mapping[str, int]
    by_cause: Mapping[str, tuple[int, ...]]
    groups: tuple[Group, ...]
    more: int


def changes(report: Report) -> Changes | None:
    """Return what changed; None when there is no earlier sweep to compare with."""
    if report.changes is None:
        return None
    found, rules = told(report), {rule.id: rule for rule in report.baseline.rules}
    kinds = Counter(change.kind for change in found)
    shown = [kind for kind in Kind if kinds[kind]]
    counts = Counter((cause, change.kind) for change in found for cause in change.causes)
    causes = [cause for cause in Cause if any(counts[cause, kind] for kind in shown)]
    by_causes: dict[tuple[Cause, ...], list[Change]] = {}
    for change in found:
        by_causes.setdefault(change.causes, []).append(change)
    groups = [_group(same, rules) for same in by_causes.values()]
    return Changes(
        found=report.changes,
        number=len(found),
        kinds={KINDS[kind]: kinds[kind] for kind in shown},
        by_cause={why([cause]): tuple(counts[cause, kind] for kind in shown) for cause in causes},
        groups=tuple(groups[:REASONS]),
        more=sum(group.number for group in groups[REASONS:]),
    )


def mark(report: Report, host: str, rule_id: str) -> tuple[str, str] | None:
    """Return how a finding is marked that is not what it was: in a word, and in a sentence that says why."""
    found = changed(report, host, rule_id)
    if found is None or report.changes is None:
        return None
    return ("new" if found.kind is Kind.NEW_FAILURE else "changed"), sentence(found, report.changes.before)


def _group(same: Sequence[Change], rules: Mapping[str, Rule]) -> Group:
    rows = []
    for each in alike(same):
        hosts = tuple(change.host for change in each[:HOSTS])
        rows.append(Row(each[0], KINDS[each[0].kind], rules.get(each[0].rule_id), hosts, len(each) - len(hosts)))
    more = sum(row.number for row in rows[CHANGES:])
    return Group(why(same[0].causes), len(same), tuple(rows[:CHANGES]), more)
