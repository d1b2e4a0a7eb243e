"""`hardencheck rejudge`: derive every result of a stored sweep anew, from its captures alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli import reports
from hardencheck.cli.exit_codes import exit_code
from hardencheck.cli.output import emit, note
from hardencheck.model.outcome import Severity


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(rejudge)


def rejudge(
    sweep: opt.SweepId = "last",
    baseline: Annotated[
        str | None, typer.Option("-b", "--baseline", help="Another baseline than the sweep's own.")
    ] = None,
    tailoring: opt.Tailoring = None,
    level: opt.LevelOption = None,
    waivers: opt.Waivers = None,
    format: opt.FormatOption = opt.Format.TABLE,
    report: opt.ReportOption = None,
    fail_on: opt.FailOn = Severity.MEDIUM,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Judge a stored sweep again, offline; says on standard error whether anything differs."""
    from hardencheck.cli.diff import explained
    from hardencheck.cli.report import accepted, own_baseline, rendered, reported
    from hardencheck.cli.targets import Selection
    from hardencheck.errors import UsageError
    from hardencheck.pipeline.rejudge import differences
    from hardencheck.pipeline.rejudge import rejudge as judge_again
    from hardencheck.storage import open_store

    if tailoring and not baseline:
        raise UsageError("--tailoring goes with --baseline", hint="the sweep's own baseline holds its own tailoring")
    wanted = reports.parse(report)
    accepts = accepted(waivers)
    with open_store(store) as opened:
        before = opened.sweep(sweep)
        judged_by = Selection(baseline, tailoring or ()).load() if baseline else own_baseline(opened, before)
        if level:
            judged_by = replace(judged_by, level=level)
        after = judge_again(before, judged_by, opened)
        found = reported(after, judged_by, accepts)
        if not baseline and not level:  # as it was judged: with another baseline, every difference is told below
            found = explained(found, opened, accepts, whole=after, since=None)
    emit(rendered(found, format))
    reports.write(found, wanted)
    changed = differences(before, after)
    for line in changed:
        note(line)
    note(f"{len(changed)} results differ from the stored ones" if changed else "every result is as it was stored")
    return exit_code(found, fail_on)
