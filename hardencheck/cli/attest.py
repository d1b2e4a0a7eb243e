"""`hardencheck attest`: state what no machine can read, with a file that proves it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hardencheck.cli.output import emit, note
from hardencheck.errors import UsageError
from hardencheck.report.escape import term

_FILE = Path("attestations.yaml")


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(attest)


def attest(
    control: Annotated[str | None, typer.Argument(help="What is attested; without it, everything is listed.")] = None,
    by: Annotated[str | None, typer.Option(help="Who states it.")] = None,
    evidence: Annotated[Path | None, typer.Option(help="The file that proves it; its SHA-256 is kept.")] = None,
    on: Annotated[str | None, typer.Option(help="The day it was so (YYYY-MM-DD); without it, today (UTC).")] = None,
    attestations: Annotated[Path, typer.Option("--attestations", help="The file of statements.")] = _FILE,
) -> None:
    """Add a dated, evidenced statement to a file; it holds for as long as the control says, and then lapses."""
    from hardencheck.baselines import attestations as site
    from hardencheck.model.attestation import Attestation, standing
    from hardencheck.model.expectation import near
    from hardencheck.report.attestations import render

    controls, now = {each.id: each for each in site.manual_controls()}, datetime.now(UTC)
    if control is None:
        if by or evidence or on:
            raise UsageError("say what is attested", hint="hardencheck attest lists it")
        statements = site.read_attestations([attestations]) if attestations.exists() else ()
        emit(render([standing(each, statements, now) for each in controls.values()]) + "\n")
        return
    if control not in controls:
        raise UsageError(f"nothing of the name {control} is to be attested{near(control, controls)}")
    if not by or not by.strip() or evidence is None:
        what = controls[control]
        raise UsageError("say who states it and what proves it: --by, --evidence", hint=f"keep: {what.evidence}")
    try:
        day = datetime.strptime(on, "%Y-%m-%d").replace(tzinfo=UTC).date() if on else now.date()
    except ValueError:
        raise UsageError(f"--on {on}: not a day", hint="write it as 2026-11-30") from None
    if day > now.date():
        raise UsageError(f"--on {on}: is still to come")
    statement = Attestation(control, by, day, str(evidence), site.digest_of(evidence))
    found = standing(controls[control], (statement,), now)
    site.attest(attestations, statement)
    emit(f"{term(attestations)}: {control}: {term(found.message)}\n")
    note(f"it counts where the file is given: hardencheck report --attestations {term(attestations)}")
