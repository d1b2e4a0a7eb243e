"""Real lab hosts and the real command, for the tests of whole sweeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.fixtures import lab  # noqa: F401  the fixture

#: the account that the lab is swept with may use sudo without a password; the administrator may with one
TAILORING = "values: {passwordless_sudo_allowed: [svc_hc], approved_admins: [svc_hc, itadmin]}\n"


@dataclass(frozen=True)
class Done:
    """One run of the command: exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON report that it wrote."""
        body: dict[str, Any] = json.loads(self.out)
        return body

    def outcomes(self, host: str) -> dict[str, str]:
        """Return one host's outcomes by rule."""
        found = next(each for each in self.json["sweep"]["hosts"] if each["host"] == host)
        return {result["rule_id"]: result["outcome"] for result in found["results"]}

    def host(self, name: str) -> dict[str, Any]:
        """Return one host of the JSON report."""
        found: dict[str, Any] = next(each for each in self.json["sweep"]["hosts"] if each["host"] == name)
        return found


Command = Callable[..., Done]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a store and a home of its own; changes to it count for `command`."""
    found = {**os.environ, "HARDENCHECK_STORE": str(tmp_path / "store" / "h.db"), "HOME": str(tmp_path)}
    found.pop("SSH_AUTH_SOCK", None)
    return found


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    """Return a function that runs `hardencheck` in this environment."""

    def run(*arguments: object, prefix: list[str] | None = None, stdin: str = "") -> Done:
        words = [*(prefix or []), sys.executable, "-m", "hardencheck", *map(str, arguments)]
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, env=environment, timeout=300, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def tailoring(tmp_path: Path) -> Path:
    """Return a tailoring file for the lab."""
    path = tmp_path / "site.yaml"
    path.write_text(TAILORING)
    return path
