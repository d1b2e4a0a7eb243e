"""`hardencheck rule show`: one rule's page, from its YAML file."""

from __future__ import annotations

from typing import Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit
from hardencheck.cli.targets import BPO_CORE, Selection


def add(app: typer.Typer) -> None:
    """Register the command."""
    group = typer.Typer(help="Rules.", no_args_is_help=True)
    group.callback()(lambda: None)
    group.command()(show)
    app.add_typer(group, name="rule")


def show(
    rule: Annotated[str, typer.Argument(help="The rule's id.")],
    baseline: opt.BaselineOption = BPO_CORE,
    tailoring: opt.Tailoring = None,
    level: opt.LevelOption = None,
) -> None:
    """Show a rule: rationale, expectation, references, examples, remediation."""
    from hardencheck.report.rule_page import render

    chosen = Selection(baseline, tailoring or (), rules=[rule], level=level).load()
    emit("\n".join(render(each, chosen) for each in chosen.rules))
