"""`hardencheck schema`: the JSON Schemas of what hardencheck reads and writes."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from hardencheck.cli.output import emit


class Name(StrEnum):
    """What has a published schema."""

    RESULT = "result"
    RULE = "rule"
    BASELINE = "baseline"
    TAILORING = "tailoring"
    WAIVERS = "waivers"
    ATTESTATIONS = "attestations"


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(schema)


def schema(name: Annotated[Name, typer.Argument(help="Which schema.")]) -> None:
    """Print a JSON Schema (2020-12): of the JSON report, or of a file that people write."""
    if name is Name.RESULT:
        from hardencheck.report.json import SCHEMA

        found = SCHEMA
    else:
        from hardencheck.baselines.schemas import published

        found = published(name.value)
    emit(json.dumps(found, indent=2) + "\n")
