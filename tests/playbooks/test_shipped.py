"""The playbooks as files: Ansible can read them, rules and playbooks name each other, nothing is left over."""

from __future__ import annotations

import subprocess

import pytest

from hardencheck.baselines.load import load
from hardencheck.baselines.playbooks import read_playbook
from hardencheck.model.outcome import Platform
from hardencheck.resources import shipped
from tests.playbooks.running import ANSIBLE_PLAYBOOK, playbooks, rules_of

RULES = {rule.id: rule for rule in load("bpo-core").rules}


def test_ansible_can_read_every_playbook() -> None:
    files = [str(shipped("playbooks") / name) for name in playbooks()]
    words = [str(ANSIBLE_PLAYBOOK), "--syntax-check", "-i", "localhost,", *files]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", playbooks())
def test_rules_and_playbooks_name_each_other(name: str) -> None:
    assert {rule.id for rule in RULES.values() if rule.remediation.playbook == name} == rules_of(name)


@pytest.mark.parametrize("name", playbooks())
def test_what_a_playbook_touches_are_paths_and_units(name: str) -> None:
    touches = read_playbook(name).touches
    assert [path for path in touches.files if not path.startswith("/")] == []
    units = tuple(unit for unit in touches.services if unit.endswith((".service", ".timer", ".socket")))
    assert on_windows(name) or touches.services == units
    assert [key for key in touches.registry if not (on_windows(name) and key.startswith("HKLM:\\"))] == []


def on_windows(name: str) -> bool:
    """Return whether a playbook is for Windows, whose services have plain names."""
    return any(Platform.WINDOWS in RULES[rule].platforms for rule in rules_of(name))


@pytest.mark.parametrize("rule_id", [rule.id for rule in RULES.values() if Platform.LINUX in rule.platforms])
def test_a_rule_has_a_playbook_or_says_why_it_has_none(rule_id: str) -> None:
    remediation = RULES[rule_id].remediation
    assert (remediation.playbook is None) != (remediation.manual is None)
