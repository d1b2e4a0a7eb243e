"""Heimdall's own library, as it reads HDF."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hardencheck.model.outcome import Outcome
from tests.consumers import node

#: the status that it gives to a control of each outcome
STATUS = {
    Outcome.PASS: "Passed",
    Outcome.FIXED: "Passed",
    Outcome.FAIL: "Failed",
    Outcome.ERROR: "Profile Error",
    Outcome.NOTAPPLICABLE: "Not Applicable",
    Outcome.UNKNOWN: "Not Reviewed",
    Outcome.NOTCHECKED: "Not Reviewed",
    Outcome.NOTSELECTED: "Not Reviewed",
    Outcome.INFORMATIONAL: "Not Reviewed",
}


def read(*paths: Path) -> list[dict[str, Any]]:
    """Return what it makes of each file: `platform` and `controls` by id, or `error`."""
    done = node.run("inspec.mjs", *paths)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
