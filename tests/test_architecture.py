"""The promises about the code itself: layers, sizes, documents that tell the truth."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hardencheck
from hardencheck.cli.exit_codes import ExitCode, table
from hardencheck.errors import HardencheckError

ROOT = Path(__file__).parents[1]
GIT = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
LISTED = subprocess.run(GIT, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
TRACKED = [name for name in LISTED if (ROOT / name).is_file()]


def test_layers_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("suffix", [".py", ".sh"])
def test_no_file_is_too_long(suffix: str) -> None:
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in TRACKED if name.endswith(suffix)}
    assert not {name: length for name, length in lengths.items() if length > 400}


def test_the_order_of_the_stages_fits_on_a_screen() -> None:
    assert len((ROOT / "hardencheck/pipeline/sweep.py").read_text().splitlines()) <= 60


def test_the_package_lists_its_stages_in_order() -> None:
    listed = re.search(r"one way: ([a-z ->]+)\.", hardencheck.__doc__ or "")
    assert listed is not None
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers = {name.strip(" ()") for layer in contract["layers"] for name in layer.split("|")}
    assert set(listed[1].split(" -> ")) <= layers


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_the_exit_codes_in_the_documents_are_the_table(page: str) -> None:
    assert table() in (ROOT / page).read_text()


def test_every_error_has_an_exit_code_of_the_table() -> None:
    pending, seen = [HardencheckError], set()
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        seen.add(kind.exit_code)
    assert seen <= {code.value for code in ExitCode}
