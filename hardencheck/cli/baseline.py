"""`hardencheck baseline list|show|values|lint`: what a baseline holds and whether it is sound."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.exit_codes import ExitCode
from hardencheck.cli.output import emit, note
from hardencheck.cli.targets import BPO_CORE, Reach, Selection
from hardencheck.errors import UsageError
from hardencheck.report.escape import term

Reference = Annotated[str, typer.Argument(help="Shipped baseline, or a folder.")]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Baselines: list, show, values, lint.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(values)
    group.command()(lint)
    app.add_typer(group, name="baseline")


def list_() -> None:
    """List the shipped baselines."""
    from hardencheck.baselines.load import load
    from hardencheck.resources import shipped

    for path in sorted(shipped("baselines").glob("*/baseline.yaml")):
        found = load(path.parent.name)
        emit(f"{found.id} {found.version}  {len(found.rules)} rules  {found.title}\n")


def show(
    baseline: Reference = BPO_CORE,
    tailoring: opt.Tailoring = None,
    rule: opt.Rules = None,
    theme: opt.Themes = None,
    tag: opt.Tags = None,
    exclude: opt.Exclude = None,
) -> None:
    """Show the rules and values of a baseline."""
    from tabulate import tabulate

    found = Selection(baseline, tailoring or (), rule or (), theme or (), tag or (), exclude or ()).load()
    rows = [(each.theme, each.severity.value, each.id, each.title) for each in found.rules]
    everyone = found.tailoring.everyone.values
    values = [
        (name, json.dumps(everyone.get(name, value.default)), value.title) for name, value in found.values.items()
    ]
    text = tabulate(rows, headers=("theme", "severity", "rule", "title"), tablefmt="plain", disable_numparse=True)
    text += "\n\n" + tabulate(values, headers=("value", "is", "meaning"), tablefmt="plain", disable_numparse=True)
    emit(f"{found.id} {found.version}  {found.title}\n\n{text}\n")


def values(
    baseline: opt.BaselineOption = BPO_CORE,
    tailoring: opt.Tailoring = None,
    inventory: opt.Inventory = None,
    host: Annotated[
        str | None, typer.Option("--host", help="As they hold for this host of the inventory, not for everyone.")
    ] = None,
) -> None:
    """Print the values as YAML, for `ansible-playbook --extra-vars @FILE`."""
    from hardencheck.baselines.load import load

    if (host is None) != (inventory is None):
        raise UsageError("--host and an inventory go together: its groups decide which values hold")
    found = load(baseline, *(tailoring or ()))
    groups: tuple[str, ...] = ()
    if host is not None:
        hosts = {each.name: each for each in Reach(inventory or ()).hosts(found.tailoring)}
        if host not in hosts:
            raise UsageError(f"the inventory has no host {host}")
        groups = hosts[host].groups
    for name, value in sorted(found.values_for(host or "", groups).items()):
        text = json.dumps(value, ensure_ascii=False)  # JSON is YAML
        # a value is data: Ansible shall not read a template into it
        emit(f"{name}: {'!unsafe ' if '{' in text else ''}{text}\n")


def lint(baseline: Reference = BPO_CORE) -> int:
    """Test a baseline: every file, every rule's examples, every leaf of a pass example."""
    from hardencheck.baselines.lint import lint as problems_of
    from hardencheck.baselines.load import load

    found = load(baseline)
    problems = problems_of(baseline)
    for problem in problems:
        emit(f"{term(problem)}\n")
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "no problem"
    note(f"{found.id} {found.version}: rules: {len(found.rules)}, {count}")
    return ExitCode.CONFIGURATION if problems else ExitCode.COMPLIANT
