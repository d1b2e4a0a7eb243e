"""`hardencheck probe list|show`: what can be asked of a host, and the very script that asks it."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import Annotated

import typer

from hardencheck.cli.output import emit


def add(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Probes: list, show.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    app.add_typer(group, name="probe")


def list_() -> None:
    """List the probes."""
    from tabulate import tabulate

    from hardencheck.probes import all_probes

    rows = [(probe.id, "root" if probe.needs_root else "", probe.title) for probe in all_probes().values()]
    emit(tabulate(rows, headers=("probe", "needs", "title"), tablefmt="plain", disable_numparse=True) + "\n")


def show(probe: Annotated[str, typer.Argument(help="The probe's id.")]) -> None:
    """Show a probe: what it reads, what it needs, its facts, its script."""
    from hardencheck.errors import UsageError
    from hardencheck.probes import all_probes
    from hardencheck.report.rule_page import render_probe

    known = all_probes()
    if probe not in known:
        close = get_close_matches(probe, known, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "hardencheck probe list"
        raise UsageError(f"there is no probe {probe!r}", hint=hint)
    manual = sys.modules[f"hardencheck.probes.{probe}"].__doc__ or ""
    emit(render_probe(known[probe], manual))
