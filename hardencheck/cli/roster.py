"""`hardencheck roster template|check`: HR's list of people, before it is given to a sweep."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hardencheck.cli.exit_codes import ExitCode
from hardencheck.cli.output import emit, note
from hardencheck.report.escape import term

_Out = Annotated[Path | None, typer.Option("--out", help="A new file for it, which only you may read.")]
_File = Annotated[Path, typer.Argument(help="The roster (CSV).", show_default=False)]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="HR's list of people, for sweep --roster: template, check.", no_args_is_help=True)
    group.command()(template)
    group.command()(check)
    app.add_typer(group, name="roster")


def template(out: _Out = None) -> None:
    """Write a roster to fill in: the columns, and an example of each situation to replace."""
    from hardencheck.errors import UsageError
    from hardencheck.inventory.roster import TEMPLATE

    if out is None:
        emit(TEMPLATE)
        return
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except OSError as error:
        raise UsageError(f"{out}: {(error.strerror or 'cannot be written').lower()}", hint="give a new file") from None
    note(f"{term(out)}: replace its examples, one line for each login of a person")


def check(file: _File) -> int:
    """Read a roster as a sweep would, and name everything that is wrong with it."""
    from hardencheck.errors import RosterError
    from hardencheck.inventory.roster import read

    try:
        found = read(file, datetime.now(UTC).date())
    except RosterError as error:
        for problem in error.problems:
            emit(f"{term(problem)}\n")
        note(f"{len(error.problems)} problem{'' if len(error.problems) == 1 else 's'}; nothing of it is used")
        return ExitCode.CONFIGURATION
    count = len(found.people)
    emit(f"{term(file)}: {count} login{'' if count == 1 else 's'}, digest {found.digest}\n")
    return ExitCode.COMPLIANT
