"""What a sweep amounts to: coverage, a score per theme, and the problems that most hosts share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.report import Report
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult, Sweep

#: outcomes that count towards a score; only a pass counts as proven
COUNTED = (Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.NOTCHECKED)


@dataclass(frozen=True, slots=True)
class Score:
    """How many results of each outcome, and how many of the failures are waived."""

    outcomes: Counter[Outcome]
    waived: int = 0

    @property
    def percent(self) -> float | None:
        """Passes in percent of everything that applies: what could not be told is not a pass, nor is what is waived."""
        return self._percent(0)

    @property
    def percent_with_waivers(self) -> float | None:
        """The same without the failures that are waived: they are taken out, and none of them becomes a pass."""
        return self._percent(self.waived)

    def _percent(self, left_out: int) -> float | None:
        total = sum(self.outcomes[outcome] for outcome in COUNTED) - left_out
        return 100 * self.outcomes[Outcome.PASS] / total if total else None


@dataclass(slots=True)
class Problem:
    """One rule that is not met, or could not be told, with the hosts concerned and one host's result as example."""

    rule_id: str
    outcome: Outcome
    severity: Severity
    hosts: list[str] = field(default_factory=list)
    example: RuleResult | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Coverage by host state, scores by theme, problems ordered by severity and number of hosts.

    `failures` are those that no waiver covers.
    """

    coverage: Counter[HostState]
    themes: dict[str, Score]
    total: Score
    failures: tuple[Problem, ...]
    open_questions: tuple[Problem, ...]


def summarise(sweep: Sweep, waived: Collection[tuple[str, str]] = ()) -> Summary:
    """Count what the hosts of a sweep gave; hosts that are still pending count as notchecked coverage only.

    `waived` are the (host, rule) whose failure is covered by a waiver.
    """
    themes: dict[str, Counter[Outcome]] = {}
    accepted: Counter[str] = Counter()
    problems: dict[tuple[str, Outcome], Problem] = {}
    for host in sweep.hosts:
        for result in host.results:
            themes.setdefault(result.theme, Counter())[result.outcome] += 1
            if result.outcome is Outcome.FAIL and (host.host, result.rule_id) in waived:
                accepted[result.theme] += 1
            elif result.outcome is Outcome.FAIL or result.outcome in (Outcome.UNKNOWN, Outcome.ERROR):
                key = (result.rule_id, result.outcome)
                problem = problems.setdefault(key, Problem(result.rule_id, result.outcome, result.severity))
                problem.hosts.append(host.host)
                problem.example = problem.example or result
    ordered = sorted(problems.values(), key=lambda found: (-found.severity.rank, -len(found.hosts), found.rule_id))
    return Summary(
        coverage=Counter(host.state for host in sweep.hosts),
        themes={theme: Score(themes[theme], accepted[theme]) for theme in sorted(themes)},
        total=Score(sum(themes.values(), Counter()), accepted.total()),
        failures=tuple(found for found in ordered if found.outcome is Outcome.FAIL),
        open_questions=tuple(found for found in ordered if found.outcome is not Outcome.FAIL),
    )


def worst_failure(hosts: Iterable[HostResult], waived: Collection[tuple[str, str]] = ()) -> Severity | None:
    """Return the highest severity among failures that no waiver covers, or None when there is none."""
    severities = [
        result.severity
        for host in hosts
        for result in host.results
        if result.outcome is Outcome.FAIL and (host.host, result.rule_id) not in waived
    ]
    return max(severities, key=lambda severity: severity.rank, default=None)


def exit_statuses(report: Report) -> dict[Severity, int]:
    """Return the exit status of a report by what `--fail-on` is set to; what is waived never changes it.

    1 says that something fails at or above that severity, 2 that something in scope stays open, 3 both, 0 neither. A
    sweep that has not ended stays open though all its hosts are there: nothing seals it. 78 says that all rules were
    left out (by tailoring, or for want of a roster): nothing fails, and nothing was looked at.
    """
    hosts = report.sweep.hosts
    worst = worst_failure(hosts, report.waived)
    missing = 2 if incomplete(hosts) or not report.sweep.finished else 0
    if not missing and all(result.outcome is Outcome.NOTSELECTED for host in hosts for result in host.results):
        return dict.fromkeys(Severity, 78)
    return {fail_on: missing + (worst is not None and worst.rank >= fail_on.rank) for fail_on in Severity}


def incomplete(hosts: Iterable[HostResult]) -> bool:
    """Whether anything in scope stays open: a host not reached whole, or a result that nobody could tell."""
    return any(
        host.state is not HostState.REACHED or any(result.outcome.incomplete for result in host.results)
        for host in hosts
    )
