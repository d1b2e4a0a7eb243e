"""A roster on the command line: written, checked, sealed with a sweep, and the only one that the sweep is judged by."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hardencheck.baselines.load import load
from hardencheck.baselines.select import select
from hardencheck.baselines.snapshot import to_bytes
from hardencheck.inventory import local_host
from hardencheck.inventory.roster import TEMPLATE, read
from hardencheck.model.capture import digest
from hardencheck.model.outcome import Platform
from hardencheck.model.sweep import Sweep
from hardencheck.pipeline.collector import script_for
from hardencheck.pipeline.sweep import timestamp
from hardencheck.pipeline.visit import pending
from hardencheck.storage import new_sweep_id, open_store
from tests.cli.test_command_line import run

RULES = ("--rule", "linux-leavers-*", "--rule", "linux-accounts-on-roster", "--rule", "linux-roster-*")


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(TEMPLATE.replace("EXAMPLE", "E"))
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other.csv"
    path.write_text(TEMPLATE.replace("EXAMPLE", "E").replace("2026-10-30", "2026-10-29"))
    return path


def test_the_template_goes_into_a_new_file_that_only_its_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    assert run("roster", "template", "--out", path, home=tmp_path).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == run("roster", "template", home=tmp_path).stdout == TEMPLATE
    again = run("roster", "template", "--out", path, home=tmp_path)
    assert again.returncode == 64
    assert "file exists" in again.stderr


def test_check_names_every_problem_and_a_sweep_takes_nothing_of_such_a_file(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(TEMPLATE)
    checked = run("roster", "check", path, home=tmp_path)
    assert checked.returncode == 78
    assert len(checked.stdout.splitlines()) == 5
    swept = run("sweep", "--roster", path, home=tmp_path)
    assert swept.returncode == 78
    assert f"{path}:2: column employee_id" in swept.stderr
    assert "and 4 more" in swept.stderr
    assert run("report", home=tmp_path).returncode == 64, "no sweep was begun"


def test_check_gives_the_digest_that_the_sweep_seals(roster: Path, tmp_path: Path) -> None:
    checked = run("roster", "check", roster, home=tmp_path)
    assert checked.returncode == 0
    swept = run("sweep", "--roster", roster, *RULES, "--format", "json", home=tmp_path)
    sealed = json.loads(swept.stdout)["sweep"]["roster_digest"]
    assert f"digest {sealed}\n" in checked.stdout
    assert "5 logins" in checked.stdout


def test_without_a_roster_its_rules_are_not_selected(tmp_path: Path) -> None:
    swept = run("sweep", *RULES, "--format", "json", home=tmp_path)
    report = json.loads(swept.stdout)["sweep"]
    assert report["roster_digest"] is None
    assert {result["outcome"] for result in report["hosts"][0]["results"]} == {"notselected"}
    assert all("--roster" in result["message"] for result in report["hosts"][0]["results"])


def test_rejudge_uses_the_stored_roster_and_gives_the_same_bytes(roster: Path, tmp_path: Path) -> None:
    run("sweep", "--roster", roster, *RULES, home=tmp_path)
    roster.unlink()
    again = run("rejudge", "--format", "json", home=tmp_path)
    assert again.stderr.splitlines()[-1] == "every result is as it was stored"
    assert again.stdout == run("report", "--format", "json", home=tmp_path).stdout


def test_evidence_that_was_sealed_with_another_roster_is_not_judged(roster: Path, other: Path, tmp_path: Path) -> None:
    run("sweep", "--roster", roster, *RULES, home=tmp_path)
    run("sweep", "--roster", other, *RULES, home=tmp_path)
    store = tmp_path / "state" / "hardencheck" / "hardencheck.db"
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE sweep SET roster_digest = (SELECT roster_digest FROM sweep WHERE number = 1)")
    judged = run("rejudge", home=tmp_path)
    assert judged.returncode == 4
    assert "another roster" in judged.stderr


def test_a_roster_that_was_changed_in_the_store_is_not_used(roster: Path, tmp_path: Path) -> None:
    run("sweep", "--roster", roster, *RULES, home=tmp_path)
    store = tmp_path / "state" / "hardencheck" / "hardencheck.db"
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            "UPDATE blob SET data = (SELECT data FROM blob WHERE digest = (SELECT baseline_digest FROM sweep)) "
            "WHERE digest = (SELECT roster_digest FROM sweep)"
        )
    assert run("rejudge", home=tmp_path).returncode == 4


def test_resume_goes_on_with_the_stored_roster_and_refuses_another(roster: Path, other: Path, tmp_path: Path) -> None:
    begun = begin(tmp_path / "state" / "hardencheck" / "hardencheck.db", roster)
    refused = run("sweep", "--resume", "--roster", other, home=tmp_path)
    assert refused.returncode == 64
    assert "began with another roster" in refused.stderr
    roster.unlink()
    done = json.loads(run("sweep", "--resume", "--format", "json", home=tmp_path).stdout)["sweep"]
    assert done["id"] == begun.id
    assert done["roster_digest"] == begun.roster_digest
    assert {result["outcome"] for result in done["hosts"][0]["results"]} & {"pass", "fail"}


def test_a_sweep_without_a_roster_gets_none_by_resuming(roster: Path, tmp_path: Path) -> None:
    begin(tmp_path / "state" / "hardencheck" / "hardencheck.db", None)
    refused = run("sweep", "--resume", "--roster", roster, home=tmp_path)
    assert refused.returncode == 64
    assert "began with no roster" in refused.stderr


def begin(store: Path, roster: Path | None) -> Sweep:
    """Begin a sweep of this machine and leave it as an interruption would."""
    now = datetime.now(UTC)
    baseline = select(load("bpo-core"), rules=["linux-leavers-*"])
    snapshot, people = to_bytes(baseline), read(roster, now.date()) if roster else None
    settings: dict[str, object] = {
        "inventory": [], "limit": None, "vault_password_file": None, "ask_pass": False, "ask_become_pass": False
    }  # fmt: skip
    begun = Sweep(
        id=new_sweep_id(now, "00aa11"),
        started=timestamp(now),
        finished=None,
        baseline_id=baseline.id,
        baseline_version=baseline.version,
        baseline_digest=digest(snapshot),
        collector_digest=script_for(baseline, Platform.LINUX, roster=people is not None).digest,
        settings=settings,
        hosts=(pending(local_host()),),
        roster_digest=people.digest if people else None,
    )
    with open_store(store) as opened, opened.lock(begun.id):
        opened.begin(begun, snapshot, people.to_bytes() if people else None)
    return begun
