"""What a sweep amounts to: coverage, a score per theme, and the problems that most hosts share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult, Sweep

#: outcomes that count towards a score; only a pass counts as proven
COUNTED = (Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.NOTCHECKED)


@dataclass(frozen=True, slots=True)
class Score:
    """How many results of each outcome; `percent` is passes among all that apply, None when nothing applies."""

    outcomes: Counter[Outcome]

    @property
    def percent(self) -> float | None:
        """Passes in percent of everything that applies: what could not be told is not a pass."""
        total = sum(self.outcomes[outcome] for outcome in COUNTED)
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
    """Coverage by host state, scores by theme, problems ordered by severity and number of hosts."""

    coverage: Counter[HostState]
    themes: dict[str, Score]
    total: Score
    failures: tuple[Problem, ...]
    open_questions: tuple[Problem, ...]


def summarise(sweep: Sweep) -> Summary:
    """Count what the hosts of a sweep gave; hosts that are still pending count as notchecked coverage only."""
    themes: dict[str, Counter[Outcome]] = {}
    problems: dict[tuple[str, Outcome], Problem] = {}
    for host in sweep.hosts:
        for result in host.results:
            themes.setdefault(result.theme, Counter())[result.outcome] += 1
            if result.outcome is Outcome.FAIL or result.outcome in (Outcome.UNKNOWN, Outcome.ERROR):
                key = (result.rule_id, result.outcome)
                problem = problems.setdefault(key, Problem(result.rule_id, result.outcome, result.severity))
                problem.hosts.append(host.host)
                problem.example = problem.example or result
    ordered = sorted(problems.values(), key=lambda found: (-found.severity.rank, -len(found.hosts), found.rule_id))
    return Summary(
        coverage=Counter(host.state for host in sweep.hosts),
        themes={theme: Score(themes[theme]) for theme in sorted(themes)},
        total=Score(sum(themes.values(), Counter())),
        failures=tuple(found for found in ordered if found.outcome is Outcome.FAIL),
        open_questions=tuple(found for found in ordered if found.outcome is not Outcome.FAIL),
    )


def worst_failure(hosts: Iterable[HostResult]) -> Severity | None:
    """Return the highest severity among failing results, or None when nothing fails."""
    severities = [r.severity for host in hosts for r in host.results if r.outcome is Outcome.FAIL]
    return max(severities, key=lambda severity: severity.rank, default=None)


def incomplete(hosts: Iterable[HostResult]) -> bool:
    """Whether anything in scope stays open: a host not reached whole, or a result that nobody could tell."""
    return any(
        host.state is not HostState.REACHED or any(result.outcome.incomplete for result in host.results)
        for host in hosts
    )
