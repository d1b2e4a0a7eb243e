"""Reads SARIF with Microsoft's Multitool, and against the schema that comes with it."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.consumers import node


@cache
def schema() -> jsonschema_rs.Validator:
    """Return the validator of SARIF 2.1.0's JSON schema."""
    return jsonschema_rs.validator_for(json.loads((_folder() / "sarif-2.1.0.json").read_text()))


def complaints(file: Path) -> list[dict[str, Any]]:
    """Return what Multitool finds wrong; its exit status is 0 whatever it finds, so its own report is read."""
    program, out = _folder() / "Sarif.Multitool", str(file.with_suffix(".complaints"))
    program.chmod(0o755)  # npm leaves that to a script, and runs none
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    command = [str(program), "validate", str(file), "--output", out, "--log", "ForceOverwrite"]
    subprocess.run(command, env=environment, capture_output=True, check=True, timeout=120)
    found: list[dict[str, Any]] = json.loads(Path(out).read_text())["runs"][0]["results"]
    return found


def _folder() -> Path:
    return node.folder() / "node_modules/@microsoft/sarif-multitool-linux"
