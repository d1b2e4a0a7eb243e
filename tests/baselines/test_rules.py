"""Every shipped rule by itself: it can be trusted, it can be read, and another person's tools can read its file."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from hardencheck.baselines import document
from hardencheck.baselines.lint import Problem, lint
from hardencheck.baselines.load import Source, read
from hardencheck.baselines.schemas import published
from hardencheck.model.expectation import Expectation
from hardencheck.probes import all_probes
from hardencheck.resources import shipped

SOURCES: dict[str, Source] = {
    path.parent.name: read(path.parent) for path in shipped("baselines").glob("*/baseline.yaml")
}
PROBLEMS: list[Problem] = [problem for name in SOURCES for problem in lint(name)]
RULES = [(name, rule_id) for name, source in SOURCES.items() for rule_id in source.rules]
FILES = [(source.head.path, "baseline") for source in SOURCES.values()] + [
    (found.path, "rule") for source in SOURCES.values() for found in source.rules.values()
]
each_rule = pytest.mark.parametrize(("baseline", "rule_id"), RULES, ids=[rule_id for _, rule_id in RULES])


def test_there_are_shipped_rules() -> None:
    assert SOURCES
    assert len(RULES) == len({rule_id for _, rule_id in RULES}) > 0


def test_no_baseline_has_a_problem() -> None:
    assert [str(problem) for problem in PROBLEMS] == []


@each_rule
def test_a_rule_can_be_trusted(baseline: str, rule_id: str) -> None:
    rule = SOURCES[baseline].baseline.rule(rule_id)
    assert [str(problem) for problem in PROBLEMS if problem.path.endswith(rule.path)] == []
    assert rule.examples["pass"]
    assert rule.examples["fail"]
    assert rule.references
    assert rule.remediation.text.strip()
    assert set(rule.references) <= set(SOURCES[baseline].baseline.references), "baseline.yaml names its frameworks"


@each_rule
def test_nothing_and_strangers_never_pass(baseline: str, rule_id: str) -> None:
    source = SOURCES[baseline].baseline
    rule = source.rule(rule_id)
    values = {name: value.default for name, value in source.values.items()}
    expectation = Expectation(rule, all_probes()[rule.probe].facts, values)
    strangers: list[Any] = [None, {}, [None], [{}], {"": None}, float("nan")]
    for good in rule.examples["pass"]:
        assert expectation.passes(good)
        for fact in good:
            assert not expectation.passes({name: value for name, value in good.items() if name != fact})
            for stranger in strangers:
                if stranger not in [example[fact] for example in rule.examples["pass"]]:
                    assert not expectation.passes({**good, fact: stranger}), f"{fact} may be {stranger!r}"


@each_rule
def test_every_fail_example_says_why_in_one_line(baseline: str, rule_id: str) -> None:
    source = SOURCES[baseline].baseline
    rule = source.rule(rule_id)
    values = {name: value.default for name, value in source.values.items()}
    expectation = Expectation(rule, all_probes()[rule.probe].facts, values)
    for bad in rule.examples["fail"]:
        failures = expectation.failures(bad)
        assert failures
        for failure in failures:
            assert failure.sentence.startswith(f"{failure.fact}: found ")
            assert failure.sentence == f"{failure.sentence.split(', expected ')[0]}, expected {failure.expected}"
            assert failure.expected
            assert failure.sentence.isprintable()


@pytest.mark.parametrize(("path", "kind"), FILES, ids=[path.rpartition("/")[2] for path, _ in FILES])
def test_another_tool_reads_the_same_and_finds_it_valid(path: str, kind: str) -> None:
    with open(path, encoding="utf-8") as file:
        data = yaml.safe_load(file)
    with open(path, "rb") as file:
        assert document.parse(file.read(), path).data == data, "YAML 1.1 and 1.2 read something else: quote it"
    jsonschema.Draft202012Validator(published(kind)).validate(data)
