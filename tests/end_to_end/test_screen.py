"""What people see while a sweep runs: a bar on a terminal and nowhere else; results are the same bytes either way."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command
from tests.end_to_end.running import on_terminal, words
from tests.lab.lab import Lab

SWEEP_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
CODE_LINE = "exit 1: findings: at least one rule fails at or above --fail-on (default: medium)\n"


@pytest.fixture
def sweep(lab: Lab) -> tuple[object, ...]:
    """Return the words of a sweep over two hosts with a finding each."""
    inventory = lab.inventory_of(*lab.fleet(2, "uid0", "weakpw"))
    return ("sweep", "-i", inventory, "--theme", "access", "--theme", "sudo")


def test_the_bar_is_on_the_terminal_and_nowhere_else(
    lab: Lab, command: Command, environment: dict[str, str], sweep: tuple[object, ...]
) -> None:
    plain = command(*sweep, prefix=lab.exec_prefix)
    assert (plain.code, plain.err) == (1, CODE_LINE), "no terminal, no bar"
    quiet = command(*sweep, "--quiet", prefix=lab.exec_prefix)
    assert (quiet.code, quiet.err) == (1, "")

    shown = on_terminal(words(*sweep, prefix=lab.exec_prefix), environment, redirect=True)
    assert shown.code == 1
    assert "sweeping" in shown.screen
    assert "2/2" in shown.screen
    assert "2 failing, 0 unreachable" in shown.screen
    assert shown.screen.endswith(CODE_LINE.replace("\n", "\r\n"))
    silent = on_terminal(words(*sweep, "-q", prefix=lab.exec_prefix), environment, redirect=True)
    assert (silent.code, silent.screen) == (1, "")

    assert "\x1b" not in shown.out
    table = SWEEP_ID.sub("", plain.out)
    assert [SWEEP_ID.sub("", out) for out in (quiet.out, shown.out, silent.out)] == [table] * 3


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout-and-stderr"])
def test_a_reader_that_went_away_changes_nothing(
    lab: Lab, environment: dict[str, str], sweep: tuple[object, ...], both: bool
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            words(*sweep, prefix=lab.exec_prefix), stdin=subprocess.DEVNULL, stdout=writer,
            stderr=writer if both else subprocess.PIPE, text=True, env=environment, timeout=120, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert done.stderr == (None if both else CODE_LINE)


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout-and-stderr"])
def test_an_error_keeps_its_code_when_nobody_reads(environment: dict[str, str], tmp_path: Path, both: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            words("sweep", "-i", tmp_path / "nowhere.ini"), stdin=subprocess.DEVNULL, stdout=writer,
            stderr=writer if both else subprocess.DEVNULL, env=environment, timeout=120, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert done.returncode == 78
