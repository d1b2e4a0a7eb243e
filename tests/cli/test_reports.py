"""`--report`: every format out of one run, and mistakes that are told before anything is asked of a host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hardencheck.report import formats
from tests.end_to_end.conftest import Command, command, environment  # noqa: F401  the fixtures

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
    ],
)
def test_a_mistake_is_told_before_the_sweep(command: Command, tmp_path: Path, word: str, told: str) -> None:  # noqa: F811
    (tmp_path / "file").write_text("")
    given = word.format(folder=tmp_path, file=tmp_path / "file")
    done = command("sweep", *SELECT, "--report", given)
    assert done.code == 64
    assert told in done.err
    assert "no sweeps" in command("sweeps").out
