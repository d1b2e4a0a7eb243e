"""Playbooks and a baseline to plan with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hardencheck.baselines.load import load
from hardencheck.model.baseline import Baseline
from tests.baselines.frozen import FROZEN
from tests.cli.stored import KNOWN

BOOK = "host/known.yml"
WORDS = """\
---
- name: Known
  hosts: all
  vars:
    hardencheck_touches:
      files: [/etc/os-release]
      services: []
      packages: true
      accounts: false
      irreversible: packages that are upgraded stay upgraded
  tasks:
    - name: One
      ansible.builtin.debug:
        msg: "{{ known_distributions }}"
      tags: [linux-distribution-known]
    - name: Both
      ansible.builtin.debug:
        msg: text
      tags: always
"""


def folder(where: Path, text: str = WORDS) -> Path:
    """Write a folder of playbooks with one in it."""
    (where / "host").mkdir(parents=True)
    (where / BOOK).write_text(text)
    return where


def baseline() -> Baseline:
    """Return a baseline with one rule of two that has a playbook."""
    whole = load(FROZEN)
    rules = tuple(
        replace(rule, remediation=replace(rule.remediation, playbook=BOOK)) if rule.id == KNOWN else rule
        for rule in whole.rules
    )
    return replace(whole, rules=rules)
