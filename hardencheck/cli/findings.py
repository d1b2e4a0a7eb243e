"""`hardencheck findings`: the problems over time."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit
from hardencheck.cli.targets import Selection


class State(StrEnum):
    """Which findings to list."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(findings)


def findings(
    state: Annotated[State, typer.Option("--state", help="Which findings.")] = State.OPEN,
    host: Annotated[list[str] | None, typer.Option("--host", help="Only these hosts.")] = None,
    rule: opt.Rules = None,
    theme: opt.Themes = None,
    tag: opt.Tags = None,
    exclude: opt.Exclude = None,
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """List findings: what fails where, and since when."""
    from hardencheck.cli.report import own_baseline
    from hardencheck.report.table import render_findings
    from hardencheck.storage import open_store

    with open_store(store) as opened:
        found = opened.findings(state.value, hosts=host)
        selection = Selection("", None, rule or (), theme or (), tag or (), exclude or ())
        if selection.narrows:
            chosen = {each.id for each in selection.of(own_baseline(opened, opened.sweep("last"))).rules}
            found = tuple(finding for finding in found if finding.rule_id in chosen)
    emit(render_findings(found))
