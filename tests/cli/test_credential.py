"""`hardencheck credential`: what is suspended, and letting it be tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardencheck.transport.suspensions import Suspension, Suspensions
from tests.cli.test_command_line import run

SSH = Suspension("ssh svc_hc", "2026-03-04T05:06:07Z", ("web-1", "db\x1b[31m"))
WINRM = Suspension("winrm LAB\\audit", "2026-03-05T05:06:07Z", ("desk-1", "desk-2"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "hardencheck" / "credentials.json"


@pytest.fixture
def two(file: Path) -> Path:
    Suspensions(file).add(SSH)
    Suspensions(file).add(WINRM)
    return file


def test_nothing_suspended(tmp_path: Path, file: Path) -> None:
    for arguments in (["list"], ["reset", "--all"]):
        done = run("credential", *arguments, home=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "no credential is suspended\n", "")
    assert not file.exists()


def test_list_says_since_when_and_who_refused_it(tmp_path: Path, two: Path) -> None:
    done = run("credential", "list", home=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "account          since                 refused by",
        "ssh svc_hc       2026-03-04T05:06:07Z  web-1, db\\x1b[31m",
        "winrm LAB\\audit  2026-03-05T05:06:07Z  desk-1, desk-2",
    ]


def test_reset_of_one_account(tmp_path: Path, two: Path) -> None:
    done = run("credential", "reset", "winrm lab\\AUDIT", home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "winrm LAB\\audit: may be tried again\n")
    assert set(Suspensions(two).read()) == {"ssh svc_hc"}


def test_reset_of_all(tmp_path: Path, two: Path) -> None:
    done = run("credential", "reset", "--all", home=tmp_path)
    assert (done.returncode, done.stdout) == (
        0, "ssh svc_hc: may be tried again\nwinrm LAB\\audit: may be tried again\n"
    )  # fmt: skip
    assert not Suspensions(two).read()


@pytest.mark.parametrize("arguments", [[], ["--all", "ssh svc_hc"], ["svc_hc"], ["ssh svc_hc", "ssh nobody"]])
def test_reset_that_is_not_clear_resets_nothing(tmp_path: Path, two: Path, arguments: list[str]) -> None:
    done = run("credential", "reset", *arguments, home=tmp_path)
    assert done.returncode == 64, done.stderr
    assert done.stdout == ""
    assert len(Suspensions(two).read()) == 2
    if "svc_hc" in arguments:
        assert "'ssh svc_hc', 'winrm LAB\\audit'" in done.stderr, "what can be given"


def test_damaged_file_stops_everything_but_reset_all(tmp_path: Path, two: Path) -> None:
    two.write_text("{")
    for arguments in (["credential", "list"], ["credential", "reset", "ssh svc_hc"], ["doctor"], ["sweep"]):
        done = run(*arguments, home=tmp_path)
        assert done.returncode == 70, arguments
        assert f"{two}: is not the list of suspended credentials" in done.stderr
        assert "hardencheck credential reset --all" in done.stderr
    done = run("credential", "reset", "--all", home=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{two}: could not be read and is begun anew\n")
    assert run("credential", "list", home=tmp_path).stdout == "no credential is suspended\n"


def test_store_elsewhere_has_its_own(tmp_path: Path, two: Path) -> None:
    other = ("--store", tmp_path / "other" / "h.db")
    assert run("credential", "list", *other, home=tmp_path).stdout == "no credential is suspended\n"
