"""`--report`: every format out of one run, and mistakes that are told before anything is asked of a host."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from hardencheck.cli import reports
from hardencheck.cli.exit_codes import ExitCode, exit_code
from hardencheck.cli.report import narrowed
from hardencheck.cli.targets import Selection
from hardencheck.errors import UsageError
from hardencheck.model.outcome import HostState, Outcome, Platform, Severity
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult
from hardencheck.report import formats
from tests.end_to_end.conftest import Command, command, environment  # noqa: F401  the fixtures
from tests.report import material

SELECT = ("--rule", "linux-kernel-*", "-q")


def test_one_sweep_in_all_formats(command: Command, tmp_path: Path) -> None:  # noqa: F811
    words = [word for name in formats.names() for word in ("--report", f"{name}:{tmp_path / 'out' / name}")]
    done = command("sweep", *SELECT, *words)
    assert done.code in (0, 1, 2, 3), done.err
    for name in formats.names():
        path = tmp_path / "out" / name
        files = list(path.iterdir()) if formats.per_host(name) else [path]
        assert len(files) == 1, name
        assert files[0].stat().st_size > 0
        assert f"{name} report: {path}" in done.err
    again = command("report", "last", "--format", "json", "--report", f"json:{tmp_path / 'again.json'}")
    assert json.loads(again.out) == json.loads((tmp_path / "again.json").read_text())
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "out" / "json").read_bytes()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("html", "expected FORMAT:PATH"),
        ("html:", "expected FORMAT:PATH"),
        ("htm:r.html", "there is no format 'htm'"),
        ("ckl:/dev/null/x", "nothing can be written to"),
        ("html:{folder}", "is written to one file"),
        ("ckl:{file}", "is written to a folder, one file for each host"),
        ("csv:-", "a report is a file"),
        ("csv:/dev/null", "is written to one file, and /dev/null is none"),
        ("csv:/dev/stdout", "is written to one file, and /dev/stdout is none"),
        ("csv:{link}", "is written to one file, and {link} is none"),
        ("csv:/proc/report.csv", "nothing can be written to /proc"),
    ],
)
def test_a_mistake_is_told_before_the_sweep(command: Command, tmp_path: Path, word: str, told: str) -> None:  # noqa: F811
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    places = {"folder": tmp_path, "file": tmp_path / "file", "link": tmp_path / "link"}
    given, told = word.format(**places), told.format(**places)
    done = command("sweep", *SELECT, "--report", given)
    assert done.code == 64
    assert told in done.err
    assert "no sweeps" in command("sweeps").out
    assert (tmp_path / "link").is_symlink()


def test_two_reports_never_go_to_one_place(tmp_path: Path) -> None:
    words = [f"csv:{tmp_path}/out", f"json:{tmp_path}/there/../out"]
    with pytest.raises(UsageError, match="another report is written there"):
        reports.parse(words)
    with pytest.raises(UsageError, match="another report is written there"):
        reports.parse([f"ckl:{tmp_path}/a", f"ckl:{tmp_path}/a/"])
    assert len(reports.parse([f"ckl:{tmp_path}/a", f"cklb:{tmp_path}/a", f"csv:{tmp_path}/a/all.csv"])) == 3


def test_a_folder_holds_the_files_of_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checklist of an earlier sweep would be imported beside the new one of the same host."""
    words = [f"ckl:{tmp_path / 'out'}", f"cklb:{tmp_path / 'out'}"]
    whole = material.report()
    reports.write(whole, reports.parse(words))
    for name in ("notes.ckl", "00001-mine.xml"):
        (tmp_path / "out" / name).write_text("somebody's own")
    fewer = replace(whole, sweep=replace(whole.sweep, hosts=whole.sweep.hosts[1:]))
    reports.write(fewer, reports.parse(words[:1]))
    left = {path.name for path in (tmp_path / "out").iterdir()}
    checklists = {name for name, _ in formats.files("ckl", fewer)}
    assert {name for name in left if name.endswith(".ckl")} == checklists | {"notes.ckl"}
    assert {name for name in left if name.endswith(".cklb")} == {name for name, _ in formats.files("cklb", whole)}
    assert "00001-mine.xml" in left
    assert "of an earlier report is removed" in capsys.readouterr().err


def test_a_file_prepared_under_another_name_is_not_written_through(tmp_path: Path) -> None:
    """In a folder that others write, too, the name beside which a report is made must not be known before."""
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / f".r.csv.{os.getpid()}").symlink_to("theirs")
    reports.write(material.report(), reports.parse([f"csv:{tmp_path / 'r.csv'}"]))
    assert (tmp_path / "theirs").read_text() == "theirs"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "r.csv").stat().st_mode) == 0o666 & ~umask


def test_a_tilde_is_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (wanted,) = reports.parse(["csv:~/r.csv"])
    assert wanted.path == tmp_path / "r.csv"


def test_a_selection_that_no_host_was_asked_is_no_empty_report() -> None:
    whole = material.report()
    linux = [host for host in whole.sweep.hosts if host.platform is Platform.LINUX]
    sweep = replace(whole.sweep, hosts=tuple(linux))
    chosen = Selection("", rules=("windows-*",))
    with pytest.raises(UsageError, match="none of the selected rules was asked of any host"):
        narrowed(sweep, whole.baseline, chosen)
    assert narrowed(whole.sweep, whole.baseline, chosen).hosts


def test_a_sweep_that_did_not_end_is_incomplete_though_every_host_was_reached() -> None:
    hosts = (HostResult("desk", HostState.REACHED, results=(RuleResult("r", Outcome.PASS, Severity.HIGH, "t", "m"),)),)
    ended = replace(material.report(), sweep=replace(material.report().sweep, hosts=hosts))
    assert exit_code(ended, Severity.INFO) is ExitCode.COMPLIANT
    assert exit_code(replace(ended, sweep=replace(ended.sweep, finished=None)), Severity.INFO) is ExitCode.INCOMPLETE
