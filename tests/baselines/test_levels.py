"""Where a STIG's text and its purpose part, a rule says what is expected at each level, and the result which it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hardencheck.baselines.lint import lint
from hardencheck.baselines.load import load
from hardencheck.baselines.snapshot import from_bytes, to_bytes
from hardencheck.errors import BaselineError
from hardencheck.model.outcome import Level
from tests.baselines.frozen import FROZEN

RULE = "place/linux-container-none.yaml"
LITERAL = """\
levels:
  literal-stig:
    expect: {container: {const: null}, machine: {const: x86_64}}
    examples:
      pass: [{container: null, machine: x86_64}]
      fail: [{container: null, machine: riscv64}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "frozen"
    shutil.copytree(FROZEN, found)
    with (found / RULE).open("a") as file:
        file.write(LITERAL)
    return found


def test_the_rule_at_its_levels(folder: Path) -> None:
    rule = load(folder).rule("linux-container-none")
    assert rule.at(Level.EFFECTIVE) is rule
    literal = rule.at(Level.LITERAL_STIG)
    assert set(literal.expect) == {"container", "machine"}
    assert literal.level is Level.LITERAL_STIG
    assert lint(folder) == []
    assert from_bytes(to_bytes(load(folder))) == load(folder)


def test_a_rule_without_a_level_is_judged_as_it_is(folder: Path) -> None:
    rule = load(folder).rule("linux-distribution-known")
    assert rule.at(Level.LITERAL_STIG) is rule


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("machine: {const: x86_64}", "mashine: {const: x86_64}", "levels.literal-stig.expect.mashine"),
        ("literal-stig:", "literal:", "levels.literal: is not a key here"),
        ("const: x86_64}", "const: 64}", "levels.literal-stig.expect.machine"),
    ],
)
def test_an_unsound_level_is_refused(folder: Path, old: str, new: str, words: str) -> None:
    path = folder / RULE
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BaselineError) as caught:
        load(folder)
    assert words in str(caught.value)


def test_lint_judges_the_examples_of_a_level(folder: Path) -> None:
    path = folder / RULE
    path.write_text(path.read_text().replace("machine: riscv64", "machine: x86_64"))
    problems = [str(problem) for problem in lint(folder)]
    assert len(problems) == 1
    assert "levels.literal-stig.examples.fail" in problems[0]
    assert "does not fail" in problems[0]
