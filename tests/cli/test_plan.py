"""`hardencheck plan`: from a stored sweep to a signed file; nothing else is written, and what is odd is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hardencheck.evidence.keys import key_beside, signer
from hardencheck.model.outcome import Outcome
from tests.cli.stored import KNOWN, PRIVILEGED, home_store, put
from tests.cli.test_command_line import run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    put(
        home_store(tmp_path),
        datetime.now(UTC),
        {"desk1": {KNOWN: (Outcome.FAIL, "suse"), PRIVILEGED: (Outcome.FAIL, 0)}, "desk2": {KNOWN: (Outcome.FAIL, 1)}},
    )
    signer(key_beside(home_store(tmp_path)), make=True)
    return tmp_path


def test_what_no_playbook_puts_right_is_left_to_people(home: Path) -> None:
    done = run("plan", "--out", home / "plan.json", home=home)
    assert done.returncode == 0, done.stderr
    assert "0 failures on 0 hosts to be put right, 3 left to people" in done.stdout
    assert "no playbook puts anything of it right" in done.stderr
    body = json.loads((home / "plan.json").read_text())
    assert [(each["host"], each["rule_id"]) for each in body["plan"]["manual"]] == [
        ("desk1", KNOWN),
        ("desk1", PRIVILEGED),
        ("desk2", KNOWN),
    ]
    assert body["plan"]["created"] < body["plan"]["expires"]


def test_only_the_rules_that_were_asked_for(home: Path) -> None:
    run("plan", "--out", home / "plan.json", "--rule", PRIVILEGED, home=home)
    body = json.loads((home / "plan.json").read_text())
    assert [each["rule_id"] for each in body["plan"]["manual"]] == [PRIVILEGED]


def test_what_cannot_be_written_is_said(home: Path) -> None:
    done = run("plan", "--out", home / "nowhere" / "plan.json", home=home)
    assert done.returncode == 64
    assert "--out" in done.stderr
    assert "No such file" in done.stderr


def test_without_a_store_there_is_nothing_to_plan_from(tmp_path: Path) -> None:
    done = run("plan", "--out", tmp_path / "plan.json", home=tmp_path)
    assert done.returncode == 64
    assert not (tmp_path / "plan.json").exists()
