"""`hardencheck findings`: the problems over time."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit
from hardencheck.cli.targets import Selection

if TYPE_CHECKING:
    from hardencheck.model.baseline import Baseline, Rule
    from hardencheck.storage.store import Store

#: findings are selected by the rules of so many sweeps
_SWEEPS = 1000


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
    waivers: opt.Waivers = None,
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """List findings: what fails where, and since when."""
    from hardencheck.cli.report import accepted, own_baseline, reported
    from hardencheck.report.table import render_findings
    from hardencheck.storage import open_store

    accepts = accepted(waivers)
    with open_store(store) as opened:
        found = opened.findings(state.value, hosts=host)
        if not found and not opened.sweeps(1):
            opened.resolve("last")  # says that there is none: a mistyped --store must not read as "no findings"
        selection = Selection("", (), rule or (), theme or (), tag or (), exclude or ())
        if selection.narrows:
            chosen = {each.id for each in selection.of(_known(opened)).rules}
            found = tuple(finding for finding in found if finding.rule_id in chosen)
        waived = {}
        if accepts:
            newest = opened.sweep("last")
            waived = dict(reported(newest, own_baseline(opened, newest), accepts).waived)
    emit(render_findings(found, waived))


def _known(store: Store) -> Baseline:
    """Return the rules of every sweep together, each as the newest sweep has it: findings outlive a sweep's selection.

    Raises UsageError when there is no sweep.
    """
    from hardencheck.baselines.snapshot import from_bytes
    from hardencheck.cli.report import own_baseline

    rules: dict[str, Rule] = {}
    newest = own_baseline(store, store.header("last"))
    for digest in dict.fromkeys(sweep.baseline_digest for sweep in store.sweeps(_SWEEPS)):
        for rule in from_bytes(store.blob(digest)).rules:
            rules.setdefault(rule.id, rule)
    return replace(newest, rules=tuple(rules.values()))
