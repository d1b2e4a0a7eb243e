"""A baseline that extends another takes its rules over by reference, sets values, and copies nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardencheck.baselines.lint import lint
from hardencheck.baselines.load import load, read
from hardencheck.baselines.snapshot import from_bytes, to_bytes
from hardencheck.errors import BaselineError
from hardencheck.model.outcome import Level, Platform
from tests.baselines.frozen import FROZEN

HEAD = 'id: heir\ntitle: Takes over\nversion: "1.0.0"\nextends: {extends}\n'
OWN = """\
id: linux-collector-not-foreign
title: The collector runs on Linux
severity: low
platforms: [linux]
probe: linux.platform
expect: {kernel_name: {const: Linux}}
rationale: An example of a rule that a baseline adds to those which it takes over from another one.
references: {nist-800-53r5: [CM-6]}
remediation: {text: Use Linux., risk: safe}
examples: {pass: [{kernel_name: Linux}], fail: [{kernel_name: FreeBSD}]}
since: "0.1"
"""


def heir(tmp_path: Path, more: str = "", extends: str = str(FROZEN)) -> Path:
    folder = tmp_path / "heir"
    folder.mkdir(exist_ok=True)
    (folder / "baseline.yaml").write_text(HEAD.format(extends=extends) + more)
    return folder


def test_it_has_the_rules_and_values_of_the_other(tmp_path: Path) -> None:
    whole, found = load(FROZEN), load(heir(tmp_path))
    assert found.id == "heir"
    assert found.rules == whole.rules
    assert found.values == whole.values
    assert lint(tmp_path / "heir") == []


def test_a_path_is_relative_to_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "base").symlink_to(FROZEN)
    assert load(heir(tmp_path, extends="../base")).rules == load(FROZEN).rules


def test_selection_and_defaults_are_its_own(tmp_path: Path) -> None:
    more = "select: {theme: [identity], exclude: [linux-collector-*]}\ndefaults: {known_distributions: [arch]}\n"
    found = load(heir(tmp_path, more))
    assert [rule.id for rule in found.rules] == ["linux-distribution-known"]
    assert found.values["known_distributions"].default == ["arch"]
    assert load(FROZEN).values["known_distributions"].default != ["arch"]


def test_rules_of_its_own_join_those_taken_over(tmp_path: Path) -> None:
    folder = heir(tmp_path)
    (folder / "identity").mkdir()
    (folder / "identity" / "linux-collector-not-foreign.yaml").write_text(OWN)
    found = load(folder)
    assert {rule.id for rule in found.rules} == {rule.id for rule in load(FROZEN).rules} | {
        "linux-collector-not-foreign"
    }
    assert lint(folder) == []
    assert from_bytes(to_bytes(found)) == found


def test_its_level_is_the_one_that_is_judged_at(tmp_path: Path) -> None:
    assert load(FROZEN).level is Level.EFFECTIVE
    assert load(heir(tmp_path, "level: literal-stig\n")).level is Level.LITERAL_STIG


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        ("select: {theme: [identitty]}\n", "select.theme.0", "identity"),
        ("select: {rule: [linux-nothing-*]}\n", "select.rule.0", "frozen has none"),
        ("select: {}\n", "select", "must not be empty"),
        ("select: {colour: [red]}\n", "select.colour", "is not a key here"),
        ("defaults: {highest_uuid: 1}\n", "defaults.highest_uuid", "no such value"),
        ("defaults: {highest_uid: many}\n", "defaults.highest_uid", "must be"),
        (
            "values: {highest_uid: {title: t, default: 1, schema: {type: integer}}}\n",
            "values.highest_uid",
            "has this value",
        ),
        ("level: strict\n", "level", "must be"),
        ("extends: elsewhere\n", "extends", "twice"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_line(tmp_path: Path, more: str, key: str, words: str) -> None:
    with pytest.raises(BaselineError) as caught:
        load(heir(tmp_path, more))
    assert caught.value.path == str(tmp_path / "heir" / "baseline.yaml")
    assert caught.value.line == 5
    assert key in str(caught.value)
    assert words in str(caught.value)


def test_nobody_extends_himself(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="extends itself"):
        load(heir(tmp_path, extends="../heir"))


def test_a_rule_taken_over_cannot_be_there_twice(tmp_path: Path) -> None:
    folder = heir(tmp_path)
    (folder / "place").mkdir()
    source = FROZEN / "place" / "linux-container-none.yaml"
    (folder / "place" / source.name).write_text(source.read_text())
    with pytest.raises(BaselineError, match="has a rule of this id"):
        load(folder)


@pytest.mark.parametrize("key", ["select: {theme: [identity]}", "defaults: {highest_uid: 1}"])
def test_what_belongs_to_extends_needs_it(tmp_path: Path, key: str) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    (folder / "baseline.yaml").write_text(f'id: alone\ntitle: t\nversion: "1.0.0"\n{key}\n')
    with pytest.raises(BaselineError, match="extends another"):
        load(folder)


@pytest.mark.parametrize("name", ["pci-dss-4", "disa-stig-linux", "disa-stig-windows", "starter"])
def test_the_shipped_heirs_hold_no_rule_of_their_own(name: str) -> None:
    source = read(name)
    assert source.rules == {}
    assert {rule.id for rule in source.baseline.rules} < {rule.id for rule in load("bpo-core").rules}


@pytest.mark.parametrize("platform", Platform)
def test_the_starter_is_a_week_of_work(platform: Platform) -> None:
    assert 15 <= len([rule for rule in load("starter").rules if platform in rule.platforms]) <= 25
