"""Two sweeps of this machine, and what differs between them: said by `diff` and by every report."""

from __future__ import annotations

import csv
import io
import json
import platform
from pathlib import Path
from subprocess import CompletedProcess

import jsonschema
import pytest

from hardencheck.report.json import SCHEMA
from tests.baselines.frozen import FROZEN
from tests.cli.stored import KNOWN, home_store
from tests.cli.test_command_line import run

HERE = platform.freedesktop_os_release()["ID"]


def sweep(home: Path, distribution: str, *more: str) -> CompletedProcess[str]:
    site = home / "site.yaml"
    site.write_text(f"values: {{known_distributions: [{distribution}]}}\n")
    return run("sweep", "-b", FROZEN, "--tailoring", site, *more, home=home)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    sweep(tmp_path, HERE)
    sweep(tmp_path, "nosuch")
    return tmp_path


def test_a_changed_value_is_named_by_diff_and_by_every_report(home: Path) -> None:
    body = json.loads(run("diff", "--format", "json", home=home).stdout)
    (change,) = body["changes"]
    assert (change["rule_id"], change["kind"], change["causes"]) == (KNOWN, "new_failure", ["value"])
    assert "why: a value of the baseline or tailoring" in run("diff", home=home).stdout
    screen = run("report", home=home).stdout
    assert f"Since {body['before']['sweep']}, changes: 1 new failure\n" in screen
    report = json.loads(run("report", "--format", "json", home=home).stdout)
    jsonschema.validate(report, SCHEMA)
    assert report["changes"]["changes"] == [change]
    rows = csv.DictReader(io.StringIO(run("report", "--format", "csv", home=home).stdout))
    assert {row["rule_id"]: (row["outcome_before"], row["changed_because"]) for row in rows}[KNOWN] == ("pass", "value")


def test_a_sweep_says_it_as_well_and_so_does_judging_it_again(home: Path) -> None:
    swept = sweep(home, HERE)
    assert "changes: 1 fixed" in swept.stdout
    assert run("rejudge", home=home).stdout == swept.stdout


def test_a_report_of_some_rules_speaks_of_them_alone(home: Path) -> None:
    assert "changes" not in run("report", "--exclude", KNOWN, home=home).stdout
    assert "changes" in run("report", "--rule", KNOWN, home=home).stdout


def test_rules_that_one_of_both_sweeps_left_out_are_no_change(home: Path) -> None:
    assert "Since" not in sweep(home, "nosuch", "--rule", KNOWN).stdout
    assert "Since" not in sweep(home, "nosuch").stdout
    run("report", "--report", f"sarif:{home / 'r.sarif'}", home=home)
    (sarif,) = json.loads((home / "r.sarif").read_text())["runs"]
    states = {found["ruleId"]: found.get("baselineState") for found in sarif["results"]}
    assert states[KNOWN] == "unchanged"
    assert set(states.values()) <= {"unchanged", None}, "the others were left out before"
    assert len(json.loads(run("diff", "--format", "json", home=home).stdout)["changes"]) == 2, "diff tells all"


def test_since_names_another_sweep_and_the_first_has_none_before(home: Path) -> None:
    first = run("sweeps", home=home).stdout.splitlines()[-1].split()[0]
    assert "Since" not in run("report", first, home=home).stdout
    refused = run("diff", "", first, home=home)
    assert refused.returncode == 64
    assert "there is no sweep by frozen before" in refused.stderr
    sweep(home, "nosuch")
    assert f"Since {first}, changes: 1 new failure" in run("report", "--since", first, home=home).stdout
    assert "Since" not in run("report", home=home).stdout, "the one before fails as well"
    backwards = run("report", first, "--since", "last", home=home)
    assert (backwards.returncode, backwards.stdout) == (64, "")
    assert f"began after {first}" in backwards.stderr


def test_evidence_that_cannot_be_judged_again_does_not_hide_a_report(home: Path) -> None:
    import sqlite3
    from contextlib import closing

    first = run("sweeps", home=home).stdout.splitlines()[-1].split()[0]
    with closing(sqlite3.connect(home_store(home))) as connection, connection:
        connection.execute(
            "UPDATE blob SET data = (SELECT data FROM blob WHERE digest = (SELECT max(baseline_digest) FROM sweep)) "
            "WHERE digest IN (SELECT manifest FROM sweep_host)"
        )
    done = run("report", home=home)
    assert KNOWN in done.stdout
    assert f"what changed since sweep {first} is not known" in done.stderr
    assert run("diff", home=home).returncode == 4
