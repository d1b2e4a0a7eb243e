"""What became of a verdict from one sweep to a later one, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hardencheck.model.outcome import Outcome, Severity


class Cause(StrEnum):
    """Why a verdict is not what it was; several may hold at once."""

    HOST = "host"  #: the host answered something else
    RULE = "rule"  #: the rule, its selection or the version of the baseline changed
    VALUE = "value"  #: a value, or the host's group or unit, changed
    LEVEL = "level"  #: the rule was judged at another level
    WAIVER = "waiver"  #: a waiver began, ended or was suspended
    PROBE = "probe"  #: the same answer is read otherwise, or the collector asks otherwise
    PRIVILEGE = "privilege"  #: root or administrator rights were there in one sweep only
    COVERAGE = "coverage"  #: the host, or this part of its answer, was there in one sweep only
    ROSTER = "roster"  #: HR's list changed
    TIME = "time"  #: the same answer means something else at a later time


class Kind(StrEnum):
    """What became of a verdict, the most urgent first."""

    NEW_FAILURE = "new_failure"
    LOST = "lost"  #: what was told before can no longer be told
    VALUE = "value"  #: the same outcome, another observed value
    OTHER = "other"
    WAIVED = "waived"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Change:
    """One (host, rule) whose verdict is not what it was; an outcome is None where the rule was not judged.

    `was` and `now` are the sentences of both results, "" where there is none.
    """

    host: str
    rule_id: str
    severity: Severity
    before: Outcome | None
    after: Outcome | None
    waived_before: bool
    waived_after: bool
    causes: tuple[Cause, ...]
    was: str
    now: str

    @property
    def kind(self) -> Kind:
        """What became of it."""
        failed = self.before is Outcome.FAIL and not self.waived_before
        fails = self.after is Outcome.FAIL and not self.waived_after
        if fails and not failed:
            return Kind.NEW_FAILURE
        if self.after is Outcome.FAIL and self.waived_after and not self.waived_before:
            return Kind.WAIVED
        if self.before is Outcome.FAIL and self.after in (Outcome.PASS, Outcome.FIXED):
            return Kind.FIXED
        if self.before is self.after:
            return Kind.VALUE
        if self.after is not None and self.after.incomplete:
            return Kind.OTHER if self.before is not None and self.before.incomplete else Kind.LOST
        return Kind.OTHER


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sweeps side by side: ids and baselines, hosts that only one of them has, and every change on the others.

    `changes` stand by kind, severity, rule and host. `unasked` are the (host, rule) that the later sweep judged and the
    earlier one left out on its command line: nothing can be said of what became of them.
    """

    before: str
    after: str
    baseline_before: str
    baseline_after: str
    gone: tuple[str, ...]
    new: tuple[str, ...]
    changes: tuple[Change, ...]
    unasked: frozenset[tuple[str, str]] = frozenset()
    _by_result: Mapping[tuple[str, str], Change] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the changes: a format with a file for each host asks for them one by one."""
        found = {(change.host, change.rule_id): change for change in self.changes}
        object.__setattr__(self, "_by_result", found)

    def of(self, host: str, rule_id: str) -> Change | None:
        """Return what became of one result, or None where nothing did."""
        return self._by_result.get((host, rule_id))
