"""`hardencheck waive`: refused unless a failure was seen and someone else approves; then reports show it accepted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from hardencheck.model.outcome import Outcome
from tests.cli.stored import KNOWN, PRIVILEGED, home_store, put
from tests.cli.test_command_line import run

NOW = datetime.now(UTC)
SOON = f"{NOW + timedelta(20):%Y-%m-%d}"
WORDS = (
    "--reason",
    "vendor's image",
    "--ticket",
    "SEC-4711",
    "--requester",
    "Ana Cruz",
    "--compensating-control",
    "no",
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    put(
        home_store(tmp_path),
        NOW,
        {
            "desk1": {KNOWN: (Outcome.FAIL, "suse"), PRIVILEGED: (Outcome.PASS, 0)},
            "desk2": {KNOWN: (Outcome.FAIL, "suse"), PRIVILEGED: (Outcome.UNKNOWN, 0)},
            "desk3": {KNOWN: (Outcome.PASS, "debian"), PRIVILEGED: (Outcome.PASS, 0)},
        },
    )
    return tmp_path


def waive(home: Path, *more: object, rule: str = KNOWN) -> CompletedProcess[str]:
    given = {"--approver": "Ben Tan", "--until": SOON, "--waivers": str(home / "w.yaml")}
    given |= dict(zip(map(str, more[::2]), map(str, more[1::2]), strict=True))
    return run("waive", rule, *WORDS, *(word for pair in given.items() for word in pair), home=home)


def test_what_is_waived_stays_a_failure_and_is_named_until_when(home: Path) -> None:
    done = waive(home, "--host", "desk1")
    assert done.returncode == 0, done.stderr
    assert f"covers {KNOWN} on 1 failing host until the end of {SOON} UTC" in done.stdout
    assert "# desk1: distribution: found suse" in (home / "w.yaml").read_text()
    body = json.loads(run("report", "--waivers", home / "w.yaml", "--format", "json", home=home).stdout)
    assert body["waivers"]["standing"][0]["state"] == "expiring"
    assert body["waivers"]["standing"][0]["covers"] == ["desk1"]
    assert body["summary"]["total"]["outcomes"]["fail"] == 2
    shown = run("host", "show", "desk1", "--waivers", home / "w.yaml", home=home).stdout
    assert "by Ben Tan for Ana Cruz" in shown
    screen = run("report", "--waivers", home / "w.yaml", home=home).stdout
    assert "1 expiring within 30 days" in screen


def test_the_exit_code_counts_what_is_left(home: Path) -> None:
    assert run("report", "--rule", KNOWN, home=home).returncode == 1
    waive(home, "--host", "desk1")
    assert run("report", "--rule", KNOWN, "--waivers", home / "w.yaml", home=home).returncode == 1
    waive(home, "--host", "desk2")
    assert run("report", "--rule", KNOWN, "--waivers", home / "w.yaml", home=home).returncode == 0
    assert run("report", "--waivers", home / "w.yaml", home=home).returncode == 2, "unknown stays open"
    assert run("report", "--rule", KNOWN, home=home).returncode == 1, "it counts only where it is given"


@pytest.mark.parametrize("scope", [("--group", "kiosks"), ("--client", "acme")])
def test_a_group_or_a_client_is_covered_where_it_fails(scope: tuple[str, str], home: Path) -> None:
    assert "on 2 failing hosts" in waive(home, *scope).stdout
    assert run("report", "--rule", KNOWN, "--waivers", home / "w.yaml", home=home).returncode == 0


def test_a_finding_stays_open_and_says_that_it_is_waived(home: Path) -> None:
    waive(home, "--host", "desk1")
    rows = run("findings", "--waivers", home / "w.yaml", home=home).stdout.splitlines()
    assert [row.split(maxsplit=4)[4] for row in rows[1:]] == [f"waived until {SOON}  0", "open                     0"]


def test_another_value_in_the_next_sweep_suspends_it(home: Path) -> None:
    waive(home, "--host", "desk1")
    put(home_store(home), NOW + timedelta(seconds=5), {"desk1": {KNOWN: (Outcome.FAIL, "arch")}})
    done = run("report", "--waivers", home / "w.yaml", home=home)
    assert done.returncode == 1
    assert f"suspended: {KNOWN}" in done.stdout
    put(home_store(home), NOW + timedelta(seconds=9), {"desk1": {KNOWN: (Outcome.FAIL, "suse")}})
    assert run("report", "--waivers", home / "w.yaml", home=home).returncode == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--host", "desk1", "--approver", "ana CRUZ"), "someone else"),
        (("--host", "desk1", "--until", f"{NOW + timedelta(368):%Y-%m-%d}"), "at most 365 days"),
        (("--host", "desk1", "--until", f"{NOW - timedelta(1):%Y-%m-%d}"), "in the past"),
        (("--host", "desk1", "--until", "31.01.2027"), "not a day"),
        (("--host", "desk9"), "has no host desk9; did you mean"),
        (("--host", "desk3"), "does not fail on desk3"),
        (("--group", "kiosk"), "did you mean kiosks?"),
        (("--client", "umbrella"), "has no client umbrella"),
        (("--host", "desk1", "--group", "kiosks"), "in one way"),
        ((), "in one way"),
    ],
)
def test_what_is_not_so_is_refused_and_nothing_is_written(more: tuple[str, ...], words: str, home: Path) -> None:
    done = waive(home, *more)
    assert done.returncode == 64
    assert words in done.stderr
    assert not (home / "w.yaml").exists()


def test_an_unknown_rule_and_one_that_could_not_be_told_are_refused(home: Path) -> None:
    assert "did you mean" in waive(home, "--host", "desk1", rule="linux-distribution-knwon").stderr
    done = waive(home, "--host", "desk2", rule=PRIVILEGED)
    assert done.returncode == 64
    assert "it is unknown" in done.stderr


def test_a_bad_file_of_waivers_stops_before_anything_is_done(home: Path) -> None:
    (home / "w.yaml").write_text("waivers: [{id: a}]\n")
    for command in ("report", "sweep", "rejudge"):
        done = run(command, "--waivers", home / "w.yaml", home=home)
        assert done.returncode == 78
        assert "w.yaml:1: waivers.0: needs the key" in done.stderr
        assert done.stdout == ""
