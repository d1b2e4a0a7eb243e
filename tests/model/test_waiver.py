"""What a waiver is bound to: the observed value, and not where it was read or what was expected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hardencheck.model.outcome import Outcome, Severity
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.waiver import observed_digest
from hardencheck.model.wording import MAX_ITEMS


def failing(*facts: tuple[str, Any], message: str = "m", evidence: str | None = "e1") -> RuleResult:
    reasons = tuple(Reason(name, value, "expected", "/etc/x:1", "sentence") for name, value in facts)
    return RuleResult("linux-x", Outcome.FAIL, Severity.HIGH, "usb", message, reasons, evidence=evidence)


def same(one: RuleResult, other: RuleResult) -> bool:
    return observed_digest(one) == observed_digest(other)


def test_the_place_the_expectation_and_the_order_do_not_matter() -> None:
    one = failing(("a", 1), ("b", 2), message="m", evidence="e1")
    moved = tuple(replace(reason, read_from="/etc/y:9", expected="other", sentence="s") for reason in one.reasons)
    assert same(one, replace(one, reasons=moved[::-1], message="n", evidence="e2", values={"x": 1}))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([("a", 8)], [("a", 9)]),
        ([("a", 8)], [("a", "8")]),
        ([("a", 8)], [("a", None)]),
        ([("a", 1)], [("a", True)]),
        ([("a", 8)], [("b", 8)]),
        ([("a", 8)], [("a", 8), ("b", 1)]),
        ([("a", ["x"])], [("a", ["x", "y"])]),
        ([("max_age_days", 90)], [("max_age_days", 99999)]),
        ([("new_password_max_days", 90)], [("new_password_max_days", 99999)]),
        ([("update_age_days", 90)], [("update_age_days", None)]),
    ],
)
def test_another_value_is_not_what_was_accepted(before: list[tuple[str, Any]], after: list[tuple[str, Any]]) -> None:
    assert not same(failing(*before), failing(*after))


@pytest.mark.parametrize("fact", ["update_age_days", "metadata_age_hours", "days_since_success", "support_days_left",
                                  "reboot_pending_days", "laps_silent_hours", "last_report_minutes"])  # fmt: skip
def test_an_age_that_grows_by_itself_does_not_suspend(fact: str) -> None:
    assert same(failing((fact, 31)), failing((fact, 32)))
    assert not same(failing((fact, 31), ("on", False)), failing((fact, 32), ("on", True)))


def test_a_list_that_was_cut_is_bound_to_the_whole_capture() -> None:
    cut = [*map(str, range(MAX_ITEMS)), "and 3 more"]
    assert same(failing(("a", cut)), failing(("a", cut)))
    assert not same(failing(("a", cut), evidence="e1"), failing(("a", cut), evidence="e2"))


def test_a_failure_without_facts_is_bound_to_its_message() -> None:
    assert same(failing(message="no sensor"), failing(message="no sensor"))
    assert not same(failing(message="no sensor"), failing(message="no firewall"))
