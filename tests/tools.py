"""Says whether this machine has what a test needs: who lacks it is skipped with the reason, but fails in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def need(reason: str) -> None:
    """Skip the running test, saying why; in CI, where everything is installed, fail it instead."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must be able to run this test: {reason}")
    pytest.skip(reason)


def need_program(*names: str) -> None:
    """Skip the running test unless these programs are installed."""
    for name in names:
        if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")) is None:
            need(f"{name} is not installed (tests/apt-packages.txt)")


def need_root() -> None:
    """Skip the running test unless it runs as root."""
    if os.geteuid() != 0:
        need("needs root")
