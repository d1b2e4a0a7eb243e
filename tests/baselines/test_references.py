"""Every requirement that a shipped rule names exists: numbers are held against a list of numbers for each framework."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hardencheck.baselines.lint import FRAMEWORKS
from hardencheck.baselines.load import load
from hardencheck.model.baseline import Rule
from hardencheck.resources import shipped

#: the STIGs' ids are kept for tests alone: no report counts what of a STIG is not covered
LISTS = (shipped("baselines") / "frameworks", Path(__file__).parents[1] / "data" / "references")
RULES = load("bpo-core").rules
#: all rules serve some requirement of these two, which cover every theme
ALWAYS = ("nist-800-53r5", "iso-27001-2022")


def numbers(framework: str) -> set[str]:
    (path,) = (folder / f"{framework}.txt" for folder in LISTS if (folder / f"{framework}.txt").exists())
    lines = path.read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


def test_there_is_a_list_for_each_framework() -> None:
    assert {path.stem for folder in LISTS for path in folder.glob("*.txt")} == set(FRAMEWORKS)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_list_has_the_form_that_lint_asks_for(framework: str) -> None:
    odd = [number for number in numbers(framework) if not re.fullmatch(FRAMEWORKS[framework], number)]
    assert not odd
    assert numbers(framework)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_names_requirements_that_exist(rule: Rule) -> None:
    for framework, ids in rule.references.items():
        assert set(ids) <= numbers(framework), f"{framework} has no {sorted(set(ids) - numbers(framework))}"
    assert set(ALWAYS) <= set(rule.references), f"name what the rule serves in {' and '.join(ALWAYS)}"
