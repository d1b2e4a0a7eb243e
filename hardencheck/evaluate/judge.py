"""One observation becomes one rule's result: total over every status, and no branch defaults to pass."""

from __future__ import annotations

from typing import assert_never

from hardencheck.model.baseline import Rule
from hardencheck.model.expectation import Compared, Expectation
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Outcome, Status
from hardencheck.model.result import Reason, RuleResult


def judge(rule: Rule, expectation: Expectation, observation: Observation, evidence: str | None) -> RuleResult:
    """Return the result of one rule on what its probe observed."""
    outcome, reasons, message = _outcome(rule, expectation, observation)
    return RuleResult(
        rule_id=rule.id,
        outcome=outcome,
        severity=rule.severity,
        theme=rule.theme,
        message=message,
        reasons=reasons,
        values=expectation.values,
        evidence=evidence,
        level=rule.level,
    )


def unjudged(rule: Rule, outcome: Outcome, message: str) -> RuleResult:
    """Return the result of a rule that no observation stands behind: host not reached, rule not selected."""
    return RuleResult(rule.id, outcome, rule.severity, rule.theme, message, level=rule.level)


def _outcome(rule: Rule, expectation: Expectation, observation: Observation) -> tuple[Outcome, tuple[Reason, ...], str]:
    match observation.status:
        case Status.COMPLETE | Status.INCOMPLETE:
            return _compare(rule, expectation, observation)
        case Status.DOES_NOT_EXIST:
            return Outcome.FAIL, (), observation.reason
        case Status.NOT_APPLICABLE:
            return Outcome.NOTAPPLICABLE, (), observation.reason
        case Status.NOT_COLLECTED:
            return Outcome.UNKNOWN, (), observation.reason
        case Status.ERROR:
            return Outcome.ERROR, (), observation.reason
        case _ as never:
            assert_never(never)


def _compare(rule: Rule, expectation: Expectation, observation: Observation) -> tuple[Outcome, tuple[Reason, ...], str]:
    """Compare facts with what is expected: one known fact that fails decides, one missing fact leaves the rule open."""
    known = {name: observation.facts[name] for name in rule.expect if name in observation.facts}
    failures = expectation.failures(known)
    if failures:
        reasons = tuple(_reason(failure, observation) for failure in failures)
        return Outcome.FAIL, reasons, "; ".join(reason.sentence for reason in reasons)
    missing = [name for name in rule.expect if name not in known]
    if missing:
        why = [f"{name} is not known: {observation.missing.get(name, 'the probe did not say')}" for name in missing]
        return Outcome.UNKNOWN, (), "; ".join(why)
    reasons = tuple(_reason(met, observation) for met in expectation.met(known))
    return Outcome.PASS, reasons, "; ".join(reason.sentence for reason in reasons)


def _reason(compared: Compared, observation: Observation) -> Reason:
    where = observation.read_from.get(compared.fact, "")
    sentence = f"{compared.sentence} (read from {where})" if where else compared.sentence
    return Reason(compared.fact, compared.observed, compared.expected, where, sentence)
