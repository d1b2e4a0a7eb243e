"""What a sweep says about a framework's requirements: the shipped numbers and strengths, laid beside its results."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from hardencheck.baselines import document
from hardencheck.model.attestation import Attested
from hardencheck.model.framework import Coverage, FrameworkView, Requirement, Strength
from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Report
from hardencheck.resources import shipped

#: outcomes of a rule that looked, if anything was captured: nothing is on a host of another platform, where no rule
#: applies
_LOOKED = (Outcome.PASS, Outcome.FAIL, Outcome.FIXED, Outcome.INFORMATIONAL, Outcome.NOTAPPLICABLE)


def frameworks() -> tuple[str, ...]:
    """Return the names of the frameworks whose numbers are shipped."""
    return tuple(sorted(path.stem for path in (shipped("baselines") / "frameworks").glob("*.txt")))


def numbers(framework: str) -> tuple[str, ...]:
    """Return the numbers of one framework's requirements, in its own order."""
    text = (shipped("baselines") / "frameworks" / f"{framework}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def strengths(framework: str) -> tuple[Strength, Mapping[tuple[str, str], Strength]]:
    """Return how far rules serve one framework's requirements: the default, and what is otherwise by (number, rule)."""
    said = document.read(shipped("baselines") / "controls.yaml").data["frameworks"][framework]
    named = {
        (number, rule_id): strength
        for strength in Strength
        for number, rules in said.get(strength.value, {}).items()
        for rule_id in rules
    }
    return Strength(said["default"]), named


def view(report: Report, framework: str, attested: Sequence[Attested] = ()) -> FrameworkView:
    """Return every requirement of a framework with the rules of the sweep's baseline that serve it, and their results.

    A rule that was never asked, or that could not tell anywhere, covers nothing.
    """
    default, named = strengths(framework)
    outcomes: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
    waived: Counter[str] = Counter()
    looked: set[str] = set()
    for host in report.sweep.hosts:
        for result in host.results:
            outcomes[result.rule_id][result.outcome] += 1
            if result.outcome in _LOOKED and result.evidence is not None:
                looked.add(result.rule_id)
            waived[result.rule_id] += (host.host, result.rule_id) in report.waived
    found = []
    for number in numbers(framework):
        rules = sorted(rule.id for rule in report.baseline.rules if number in rule.references.get(framework, ()))
        people = tuple(each for each in attested if number in each.control.references.get(framework, ()))
        total = sum((outcomes[rule_id] for rule_id in rules), Counter[Outcome]())
        found.append(
            Requirement(
                number=number,
                coverage=_coverage(rules, looked, people),
                rules=tuple((rule_id, named.get((number, rule_id), default)) for rule_id in rules),
                outcomes=total,
                waived=sum(waived[rule_id] for rule_id in rules),
                attested=people,
            )
        )
    return FrameworkView(framework, tuple(found))


def _coverage(rules: Sequence[str], looked: Collection[str], people: Sequence[Attested]) -> Coverage:
    if any(rule_id in looked for rule_id in rules):
        return Coverage.AUTOMATED
    if any(each.outcome is Outcome.PASS for each in people):
        return Coverage.ATTESTED
    return Coverage.NOTCHECKED if rules or people else Coverage.NOT_COVERED
