"""The private folder of a run: nobody else's, and never left behind for longer than to the next run."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardencheck.errors import RemediationError
from hardencheck.remediate import private
from hardencheck.remediate.private import MARK, create, sweep_orphans

LEAVE = """
import pathlib, sys
from hardencheck.remediate.private import create
print(create(pathlib.Path(sys.argv[1])))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose path is short: sockets have to fit."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="hc") as folder:
        yield Path(folder)


def left_by_another(where: Path) -> Path:
    """Let a process that has ended leave its folder behind."""
    done = subprocess.run([sys.executable, "-c", LEAVE, str(where)], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def test_it_is_in_memory_and_this_users_alone() -> None:
    folder = create()
    try:
        about = folder.stat()
        assert (stat.S_IMODE(about.st_mode), about.st_uid) == (0o700, os.geteuid())
        kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True).stdout
        assert kind == "tmpfs\n"
        assert create().name != folder.name
    finally:
        for path in folder.parent.glob(f"hardencheck-{os.getpid()}-*"):
            private.remove(path)


def test_without_a_place_in_memory_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "_in_memory", lambda place: False)
    with pytest.raises(RemediationError, match="no place in memory"):
        create()


def test_only_what_a_process_that_is_gone_left_is_removed(place: Path) -> None:
    mine, left = create(place), left_by_another(place)
    (left / "r0").mkdir()
    (left / "r0" / "file").write_text("text")
    stays = [place / "hardencheck-1-2-ffffffff-3-tooshort", place / "other"]
    for path in stays:
        path.mkdir()
    link = place / left.name.replace(left.name[-12:], "0" * 12)
    link.symlink_to(place / "other")
    assert sweep_orphans(place) == 1
    assert sorted(place.iterdir()) == sorted([mine, *stays, link])
    assert sweep_orphans(place) == 0


def test_a_process_id_that_was_given_again_saves_no_folder(place: Path) -> None:
    mine = create(place)
    parts = mine.name.split("-")
    other_time = mine.with_name("-".join([*parts[:2], "1", *parts[3:]]))
    other_boot = mine.with_name("-".join([*parts[:3], "00000000", *parts[4:]]))
    other_space = mine.with_name("-".join([*parts[:2], "1", parts[3], "1", parts[5]]))
    for path in (other_time, other_boot, other_space):
        path.mkdir()
    assert sweep_orphans(place) == 2
    assert sorted(place.iterdir()) == sorted([mine, other_space]), "who is in another container may be alive"


def test_what_still_runs_for_it_is_ended(place: Path) -> None:
    left = left_by_another(place)
    line = [sys.executable, "-c", "import os; os.setsid(); print(flush=True); os.read(0, 1)"]
    with (
        subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={MARK: f"{left}/r0/"}) as runs,
        subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={MARK: f"{left}0/r0/"}) as stranger,
    ):
        for process in (runs, stranger):
            assert process.stdout is not None
            process.stdout.readline()
        sweep_orphans(place)
        assert runs.wait(10) == -9
        assert stranger.poll() is None
        stranger.kill()
