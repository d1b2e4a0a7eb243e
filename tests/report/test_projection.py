"""The table of outcomes is whole, and a waiver changes how a failure is shown, and nothing else."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import pytest

from hardencheck.model.outcome import Outcome
from hardencheck.report.projection import PROJECTION, WAIVED, shown
from tests.report import material


@pytest.mark.parametrize("outcome", Outcome)
def test_a_waiver_covers_a_failure_only(outcome: Outcome) -> None:
    report = material.report()
    name, rule_id = material.WAIVED
    host = next(host for host in report.sweep.hosts if host.host == name)
    result = next(result for result in host.results if result.rule_id == rule_id)
    word, waiver = shown(report, host, replace(result, outcome=outcome))
    covered = outcome is Outcome.FAIL
    assert (word, waiver) == ((WAIVED, report.waived[material.WAIVED]) if covered else (PROJECTION[outcome], None))
    assert shown(replace(report, waived={}), host, replace(result, outcome=outcome)) == (PROJECTION[outcome], None)


def test_only_a_pass_and_what_was_put_right_look_like_a_pass_anywhere() -> None:
    good = {Outcome.PASS, Outcome.FIXED}
    for outcome in Outcome:
        word = PROJECTION[outcome]
        looks = (word.xccdf == "pass", word.ckl == "NotAFinding", word.cklb == "not_a_finding", word.hdf == "passed",
                 word.junit == "", word.ocsf == 1, word.oscal == "satisfied")  # fmt: skip
        assert set(looks) == {outcome in good}


def test_the_docs_print_the_table() -> None:
    rows = {**{outcome.value: row for outcome, row in PROJECTION.items()}, "fail, waived": WAIVED}
    lines = [
        "| " + " | ".join([name, *(str(word) if word != "" else "-" for word in astuple(row))]) + " |"
        for name, row in rows.items()
    ]
    assert "\n".join(lines) in (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
