"""The wheel carries the shipped data, and the two commands of the README work in a fresh clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hardencheck.resources import shipped
from tests.tools import need_program

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what git would commit, as a newcomer gets it."""
    need_program("git")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in listed:
        target = tmp_path / "clone" / name
        if (ROOT / name).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return tmp_path / "clone"


def run(folder: Path, command: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")} | {"HOME": str(home)}
    environment["PIP_CACHE_DIR"] = os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, env=environment, timeout=900, check=False
    )


def test_the_two_commands_of_the_readme_work_in_a_fresh_clone(clone: Path, tmp_path: Path) -> None:
    readme = (clone / "README.md").read_text()
    assert "```sh\n./run hardencheck sweep\n```" in readme
    assert "```sh\n./run pytest\n```" in readme
    swept = run(clone, "./run hardencheck sweep", tmp_path)
    assert swept.returncode in (0, 1, 2, 3), swept.stderr
    assert "1 in scope: 1 " in swept.stdout
    tested = run(clone, "./run pytest -q tests/model", tmp_path)  # all of them are running right now
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_wheel_holds_every_rule(clone: Path, tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", tmp_path, clone],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    site = tmp_path / "site"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        wheel.extractall(site)
    rules = {str(path.relative_to(shipped("baselines"))) for path in shipped("baselines").rglob("*.yaml")}
    assert {f"hardencheck/_shipped/baselines/{name}" for name in rules} <= names
    assert any(name.startswith("hardencheck/storage/migrations/") for name in names)
    templates = {path.name for path in (ROOT / "hardencheck" / "report" / "templates").iterdir()}
    assert {f"hardencheck/report/templates/{name}" for name in templates} <= names
    environment = {**os.environ, "PYTHONPATH": str(site), "HARDENCHECK_STORE": str(tmp_path / "h.db")}
    script = "import hardencheck.resources as r; print(r.__file__); print(r.shipped('baselines'))"
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert [line.startswith(str(site)) for line in told.stdout.splitlines()] == [True, True]
    swept = subprocess.run(
        [sys.executable, "-m", "hardencheck", "sweep", "--theme", "access"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert swept.returncode in (0, 1, 2, 3), swept.stderr
