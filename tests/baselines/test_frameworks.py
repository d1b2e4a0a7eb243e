"""What covers a framework's requirements: only what looked, or somebody vouched for; every shipped number exists."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hardencheck.baselines import document
from hardencheck.baselines.attestations import manual_controls
from hardencheck.baselines.frameworks import frameworks, numbers, strengths, view
from hardencheck.baselines.lint import FRAMEWORKS
from hardencheck.baselines.load import load
from hardencheck.model.attestation import Attestation, ManualControl, standing
from hardencheck.model.framework import Coverage, Strength
from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.report import Report
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.report import framework as text
from hardencheck.resources import shipped
from tests.baselines.frozen import FROZEN

KNOWN, PRIVILEGED = "linux-distribution-known", "linux-collector-privileged"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
NIST = "nist-800-53r5"
DRILL = ManualControl("drill", "Drilled", "the minutes", 30, {NIST: ("IR-3", "CM-8")})
RULES = {rule.id: rule for rule in load("bpo-core").rules}


def report(*outcomes: Mapping[str, Outcome]) -> Report:
    baseline = load(FROZEN)
    hosts = tuple(
        HostResult(
            f"h{number}",
            HostState.REACHED,
            results=tuple(
                RuleResult(rule, outcome, baseline.rule(rule).severity, "t", "m", evidence="e" * 64)
                for rule, outcome in each.items()
            ),
        )
        for number, each in enumerate(outcomes)
    )
    sweep = Sweep("s", "2026-11-22T00:00:00Z", None, "frozen", "1.2.3", "0" * 64, "0" * 64, hosts=hosts)
    return Report(sweep, baseline, "2026-11-22T00:00:00Z")


@pytest.mark.parametrize("framework", frameworks())
def test_strengths_name_numbers_and_rules_that_belong_together(framework: str) -> None:
    assert framework in FRAMEWORKS
    default, named = strengths(framework)
    assert default in (Strength.PARTIAL, Strength.SUPPORTS)
    for number, rule_id in named:
        assert number in RULES[rule_id].references[framework]
    said = document.read(shipped("baselines") / "controls.yaml").data["frameworks"]
    assert set(said) == set(frameworks())
    assert set(said[framework]) <= {"default", *Strength}


def test_broad_duties_are_only_supported() -> None:
    for framework in ("hipaa", "soc2", "nist-csf-2.0"):
        assert strengths(framework) == (Strength.SUPPORTS, {})


@pytest.mark.parametrize("control", manual_controls(), ids=lambda each: each.id)
def test_what_is_attested_names_requirements_that_exist(control: ManualControl) -> None:
    assert control.references
    for framework, ids in control.references.items():
        assert set(ids) <= set(numbers(framework)), framework
    assert 0 < control.every_days <= 366
    assert len(control.evidence) > 20


def test_the_list_holds_what_the_issue_asks_for_once_each() -> None:
    ids = [control.id for control in manual_controls()]
    assert len(ids) == len(set(ids))
    assert ids == sorted(ids)
    assert set(ids) >= {"nda-signed", "awareness-training", "incident-response-drilled", "paper-shredded",
                        "devices-banned-on-floor", "third-parties-assessed", "security-officer-named"}  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "coverage"),
    [
        (Outcome.PASS, Coverage.AUTOMATED),
        (Outcome.FAIL, Coverage.AUTOMATED),
        (Outcome.NOTAPPLICABLE, Coverage.AUTOMATED),
        (Outcome.UNKNOWN, Coverage.NOTCHECKED),
        (Outcome.ERROR, Coverage.NOTCHECKED),
        (Outcome.NOTCHECKED, Coverage.NOTCHECKED),
        (Outcome.NOTSELECTED, Coverage.NOTCHECKED),
    ],
)
def test_a_rule_covers_only_where_it_looked(outcome: Outcome, coverage: Coverage) -> None:
    found = {each.number: each for each in view(report({KNOWN: outcome}), NIST).requirements}
    assert found["CM-8"].coverage is coverage
    assert found["AC-6"].coverage is Coverage.NOTCHECKED, "its rule was not in the sweep"
    assert found["IR-3"].coverage is Coverage.NOT_COVERED
    assert found["IR-3"].strength is None


def test_a_host_of_another_platform_covers_nothing() -> None:
    made = report({KNOWN: Outcome.NOTAPPLICABLE})
    (host,) = made.sweep.hosts
    foreign = replace(host, results=tuple(replace(each, evidence=None) for each in host.results))
    found = view(replace(made, sweep=replace(made.sweep, hosts=(foreign,))), NIST).requirements
    assert {each.number: each for each in found}["CM-8"].coverage is Coverage.NOTCHECKED


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        (datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 1, 0, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 2, 0, 0, 0, tzinfo=UTC), False),
    ],
)
def test_a_statement_holds_to_the_end_of_its_last_day_and_then_nothing_is_known(now: datetime, holds: bool) -> None:
    attested = standing(DRILL, (Attestation("drill", "Ana", date(2026, 11, 1), "d.pdf", "0" * 64),), now)
    assert attested.outcome is (Outcome.PASS if holds else Outcome.NOTCHECKED)
    found = {each.number: each for each in view(report({KNOWN: Outcome.UNKNOWN}), NIST, [attested]).requirements}
    assert found["IR-3"].coverage is (Coverage.ATTESTED if holds else Coverage.NOTCHECKED)
    assert found["CM-8"].coverage is (Coverage.ATTESTED if holds else Coverage.NOTCHECKED)


def test_the_newest_statement_counts_and_others_prove_nothing() -> None:
    old, new = (Attestation("drill", "Ana", date(2026, month, 1), "d.pdf", "0" * 64) for month in (1, 11))
    assert standing(DRILL, (new, old), NOW).statement == new
    assert standing(DRILL, (old,), NOW).outcome is Outcome.NOTCHECKED
    assert standing(replace(DRILL, id="other"), (new,), NOW).message == "nobody has attested it"


def test_the_three_forms_agree() -> None:
    made = report({KNOWN: Outcome.FAIL, PRIVILEGED: Outcome.PASS}, {KNOWN: Outcome.PASS, PRIVILEGED: Outcome.UNKNOWN})
    found = view(made, NIST, [standing(DRILL, (), NOW)])
    body = json.loads(text.render_json(found, made))
    by_number = {each["number"]: each for each in body["requirements"]}
    assert (by_number["CM-8"]["outcomes"]["pass"], by_number["CM-8"]["outcomes"]["fail"]) == (1, 1)
    assert by_number["CM-8"]["rules"] == {KNOWN: "partial"}
    assert body["coverage"]["automated"] == 3, "CM-8, AC-6 and IA-2(1)"
    assert sum(body["coverage"].values()) == len(by_number) == len(numbers(NIST))
    rows = list(csv.DictReader(io.StringIO(text.render_csv(found, made))))
    assert len(rows) == len(by_number)
    row = next(each for each in rows if each["requirement"] == "CM-8")
    assert (row["pass"], row["fail"], row["open"], row["rule_ids"]) == ("1", "1", "0", f"{KNOWN}:partial")
    screen = text.render(found, made)
    assert f"{len(numbers(NIST))} requirements: 3 automated, 0 attested, 1 not checked, " in screen
    assert "not covered: AC-1, " in screen


def test_the_page_has_every_word_of_coverage() -> None:
    page = (Path(__file__).parents[2] / "docs/attestations.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.M) == [coverage.value for coverage in Coverage]
