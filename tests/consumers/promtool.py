"""Runs promtool; where it is not installed, it is taken out of Debian's package `prometheus`.

The package itself would start a server and bring along 90 MB that no test uses, so it is not in tests/apt-packages.txt.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.consumers.cache import once

_UNPACK = "apt-get -qq download prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar x ./usr/bin/promtool"
_MOVE = "mv usr/bin/promtool . && rm -r usr prometheus_*.deb && ./promtool --version"


def run(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool with these arguments and this standard input."""
    command = [str(_program()), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=120)


@cache
def _program() -> Path:
    installed = shutil.which("promtool")
    return Path(installed) if installed else once("promtool", _UNPACK.encode(), _install) / "promtool"


def _install(fresh: Path) -> str:
    script = f"{_UNPACK} && {_MOVE}"
    done = subprocess.run(["sh", "-c", script], cwd=fresh, capture_output=True, text=True, check=False, timeout=600)
    return f"apt-get install prometheus (promtool): {done.stderr.strip()[-500:]}" if done.returncode else ""
