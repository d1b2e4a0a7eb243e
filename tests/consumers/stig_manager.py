"""STIG Manager's own importer, as it reads our files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hardencheck.model.outcome import Outcome
from tests.consumers import node

#: what the importer makes of each outcome; what it does not take as reviewed is counted by the name given here
REVIEWED = {
    Outcome.PASS: "pass",
    Outcome.FIXED: "pass",
    Outcome.FAIL: "fail",
    Outcome.NOTAPPLICABLE: "notapplicable",
}


def read(*paths: Path) -> list[dict[str, Any]]:
    """Return what STIG Manager reads from each file: `target` and `checklists`, or `error`."""
    done = node.run("stig_manager.mjs", *paths)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def counts(found: dict[str, Any]) -> dict[str, int]:
    """Return how many reviews of each result were read from one file."""
    return {result: count for result, count in found["checklists"][0]["stats"].items() if count}
