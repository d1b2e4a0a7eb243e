"""`hardencheck diff`: what changed between two sweeps, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit, note
from hardencheck.errors import EvidenceError, UsageError
from hardencheck.report.escape import term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hardencheck.model.report import Report
    from hardencheck.model.sweep import Sweep
    from hardencheck.model.waiver import Waiver
    from hardencheck.storage.store import Store

#: so many sweeps back the one before is looked for
_BACK = 1000


class DiffFormat(StrEnum):
    """How a comparison is written."""

    TABLE = "table"
    JSON = "json"


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(diff)


def diff(
    before: Annotated[str, typer.Argument(help="The earlier sweep: its id or the start of one; without it, the one "
                                          "before the other by the same baseline.")] = "",
    after: opt.SweepId = "last",
    waivers: opt.Waivers = None,
    format: Annotated[DiffFormat, typer.Option("--format", help="How it is written.")] = DiffFormat.TABLE,
    store: opt.StoreOption = opt.default_store(),
) -> None:  # fmt: skip
    """Say what changed between two sweeps, and why: host, rule, value, waiver, probe, privilege, coverage."""
    from hardencheck.cli.report import accepted
    from hardencheck.pipeline.compare import compare
    from hardencheck.report.diff import render, render_json
    from hardencheck.storage import open_store

    accepts = accepted(waivers)
    with open_store(store) as opened:
        later = opened.sweep(after)
        earlier = opened.sweep(before) if before else previous(opened, later)
        if earlier is None:
            raise UsageError(f"there is no sweep by {later.baseline_id} before {later.id}", hint="hardencheck sweeps")
        if earlier.started > later.started:
            earlier, later = later, earlier
        found = compare(_then(opened, earlier, accepts), _then(opened, later, accepts), opened)
    emit(render(found) if format is DiffFormat.TABLE else render_json(found))


def explained(
    report: Report, store: Store, accepts: Sequence[Waiver] | None, *, whole: Sweep, since: str | None
) -> Report:
    """Return the report with what became of outcomes since an earlier sweep, by default the one before it.

    `whole` is the sweep with all its rules, of which the report may show only some.
    """
    from hardencheck.pipeline.compare import compare

    earlier = store.sweep(since) if since else previous(store, whole)
    if earlier is None or earlier.id == whole.id:
        return report
    if since and earlier.started > whole.started:
        raise UsageError(f"--since {since}: sweep {earlier.id} began after {whole.id}", hint="hardencheck sweeps")
    try:
        found = compare(_then(store, earlier, accepts), replace(report, sweep=whole), store, values=False)
    except (EvidenceError, ValueError) as error:  # the latter: a baseline as an older version stored it
        note(f"what changed since sweep {earlier.id} is not known: {term(error)}")
        return report
    shown = {(host.host, result.rule_id) for host in report.sweep.hosts for result in host.results}
    # by the same version, a rule that only one of both has was left out on the command line
    same = earlier.baseline_version == whole.baseline_version
    left_out = {each for each in found.changes if same and None in (each.before, each.after)}
    changes = tuple(
        each
        for each in found.changes
        if (each.after is None or (each.host, each.rule_id) in shown) and each not in left_out
    )
    unasked = frozenset((each.host, each.rule_id) for each in left_out if each.before is None)
    return replace(report, changes=replace(found, changes=changes, unasked=unasked))


def previous(store: Store, sweep: Sweep) -> Sweep | None:
    """Return the newest finished sweep by the same baseline that began before this one."""
    older = dropwhile(lambda header: header.id != sweep.id, store.sweeps(_BACK))
    for header in islice(older, 1, None):
        if header.finished and header.baseline_id == sweep.baseline_id:
            return store.sweep(header.id)
    return None


def _then(store: Store, sweep: Sweep, accepts: Sequence[Waiver] | None) -> Report:
    """Return a sweep with the waivers as they stood when it began."""
    from hardencheck.baselines.overlay import overlay
    from hardencheck.cli.report import own_baseline
    from hardencheck.model.report import Report

    covered, standings = overlay(sweep, accepts or (), datetime.fromisoformat(sweep.started))
    return Report(sweep, own_baseline(store, sweep), sweep.started, covered, standings)
