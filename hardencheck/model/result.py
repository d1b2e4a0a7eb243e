"""The outcome of one rule on one host, with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hardencheck.model.outcome import Level, Outcome, Severity


@dataclass(frozen=True, slots=True)
class Reason:
    """One fact behind an outcome: what was observed, what was expected, and where it was read."""

    fact: str
    observed: Any
    expected: str
    read_from: str
    sentence: str


@dataclass(frozen=True, slots=True)
class RuleResult:
    """Outcome of one rule on one host.

    `message` is the sentence for people. `values` are the thresholds used. `evidence` is the digest of the capture,
    or None when there is none (host not reached, rule not selected). `level` is the one that was judged at.
    """

    rule_id: str
    outcome: Outcome
    severity: Severity
    theme: str
    message: str
    reasons: tuple[Reason, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    evidence: str | None = None
    level: Level = Level.EFFECTIVE
