"""`hardencheck report`, `hardencheck sweeps`, `hardencheck host show`: what stored sweeps say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli import reports
from hardencheck.cli.exit_codes import exit_code
from hardencheck.cli.output import emit
from hardencheck.cli.targets import Selection
from hardencheck.model.outcome import Severity

if TYPE_CHECKING:
    from hardencheck.model.attestation import Attested
    from hardencheck.model.baseline import Baseline
    from hardencheck.model.report import Report
    from hardencheck.model.sweep import Sweep
    from hardencheck.model.waiver import Waiver
    from hardencheck.storage.store import Store


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(report)
    app.command()(sweeps)
    hosts = typer.Typer(help="What is known of one host.", no_args_is_help=True)
    hosts.command("show")(host_show)
    app.add_typer(hosts, name="host")


def rendered(report: Report, form: opt.Format) -> str:
    """Return a report in the format that standard output is to have."""
    match form:
        case opt.Format.TABLE:
            from hardencheck.report import table

            return table.render(report)
        case opt.Format.JSON:
            from hardencheck.report import json

            return json.render(report)
        case opt.Format.CSV:
            from hardencheck.report import csv

            return csv.render(report)


def own_baseline(store: Store, sweep: Sweep) -> Baseline:
    """Return the baseline that a sweep was judged by."""
    from hardencheck.baselines.snapshot import from_bytes

    return from_bytes(store.blob(sweep.baseline_digest))


def accepted(files: Sequence[Path] | None) -> tuple[Waiver, ...] | None:
    """Return the waivers in these files; None when there are no files. Raises BaselineError."""
    from hardencheck.baselines.waivers import read_waivers

    return read_waivers(files) if files else None


def reported(sweep: Sweep, baseline: Baseline, waivers: Sequence[Waiver] | None) -> Report:
    """Return what a report is written from, with the waivers as they stand now."""
    from hardencheck.baselines.overlay import overlay
    from hardencheck.model.report import Report
    from hardencheck.pipeline.sweep import timestamp

    now = datetime.now(UTC)
    if waivers is None:
        return Report(sweep, baseline, timestamp(now))
    return Report(sweep, baseline, timestamp(now), *overlay(sweep, waivers, now))


def vouched(files: Sequence[Path] | None) -> tuple[Attested, ...] | None:
    """Return how everything that is to be attested stands by these files; None when there are no files."""
    from hardencheck.baselines.attestations import manual_controls, read_attestations
    from hardencheck.model.attestation import standing

    if not files:
        return None
    statements, now = read_attestations(files), datetime.now(UTC)
    return tuple(standing(control, statements, now) for control in manual_controls())


def _framework(name: str) -> str:
    from hardencheck.baselines.frameworks import frameworks
    from hardencheck.errors import UsageError
    from hardencheck.model.expectation import near

    if name not in frameworks():
        raise UsageError(f"--framework {name}: is not known{near(name, frameworks())}")
    return name


def _by_framework(report: Report, name: str, form: opt.Format) -> str:
    from hardencheck.baselines.attestations import manual_controls
    from hardencheck.baselines.frameworks import view
    from hardencheck.model.attestation import standing
    from hardencheck.report import framework

    attested = report.attested or tuple(standing(each, (), datetime.now(UTC)) for each in manual_controls())
    found = view(report, name, attested)
    match form:
        case opt.Format.TABLE:
            return framework.render(found, report)
        case opt.Format.JSON:
            return framework.render_json(found, report)
        case opt.Format.CSV:
            return framework.render_csv(found, report)


def narrowed(sweep: Sweep, baseline: Baseline, selection: Selection) -> Sweep:
    """Return the sweep with the selected rules of its baseline only; raises UsageError when no host was asked any."""
    from hardencheck.errors import UsageError

    if not selection.narrows:
        return sweep
    chosen = {rule.id for rule in selection.of(baseline).rules}
    hosts = tuple(
        replace(host, results=tuple(result for result in host.results if result.rule_id in chosen))
        for host in sweep.hosts
    )
    # an empty report would read as a compliant one
    if any(host.results for host in sweep.hosts) and not any(host.results for host in hosts):
        hint = "they are of another platform than its hosts; hardencheck report without a selection shows what was"
        raise UsageError(f"sweep {sweep.id}: none of the selected rules was asked of any host", hint=hint)
    return replace(sweep, hosts=hosts)


def report(
    sweep: opt.SweepId = "last",
    rule: opt.Rules = None,
    theme: opt.Themes = None,
    tag: opt.Tags = None,
    exclude: opt.Exclude = None,
    waivers: opt.Waivers = None,
    attestations: opt.Attestations = None,
    framework: Annotated[
        str | None, typer.Option("--framework", help="Group by the requirements of a framework, such as pci-dss-4.0.1.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Say what changed since this sweep; without it, since the one before by the same baseline."
        ),
    ] = None,
    format: opt.FormatOption = opt.Format.TABLE,
    report: opt.ReportOption = None,
    fail_on: opt.FailOn = Severity.MEDIUM,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Show a stored sweep; exits as the sweep did."""
    from hardencheck.cli.diff import explained
    from hardencheck.storage import open_store

    wanted, accepts, attested = reports.parse(report), accepted(waivers), vouched(attestations)
    known = _framework(framework) if framework else None
    with open_store(store) as opened:
        selection = Selection("", (), rule or (), theme or (), tag or (), exclude or ())
        stored = opened.sweep(sweep)
        baseline = own_baseline(opened, stored)
        found = reported(narrowed(stored, baseline, selection), baseline, accepts)
        found = explained(replace(found, attested=attested), opened, accepts, whole=stored, since=since)
    emit(rendered(found, format) if known is None else _by_framework(found, known, format))
    reports.write(found, wanted)
    return exit_code(found, fail_on)


def sweeps(store: opt.StoreOption = opt.default_store()) -> None:
    """List stored sweeps, newest first."""
    from tabulate import tabulate

    from hardencheck.storage import open_store

    with open_store(store) as opened:
        rows = [
            (found.id, found.started, found.finished or "not finished", f"{found.baseline_id} {found.baseline_version}")
            for found in opened.sweeps()
        ]
    headers = ("sweep", "started", "finished", "baseline")
    emit(tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True) + "\n" if rows else "no sweeps\n")


def host_show(
    name: Annotated[str, typer.Argument(help="The host's name in the inventory.")],
    sweep: Annotated[str, typer.Option("--sweep", help="A sweep's id, or 'last'.")] = "last",
    waivers: opt.Waivers = None,
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """Show every rule of one host with its outcome and reason."""
    from hardencheck.errors import UsageError
    from hardencheck.report.table import render_host
    from hardencheck.storage import open_store

    accepts = accepted(waivers)
    with open_store(store) as opened:
        found = opened.sweep(sweep)
        waived = reported(found, own_baseline(opened, found), accepts).waived
    for host in found.hosts:
        if host.host == name:
            emit(render_host(host, waived))
            return
    raise UsageError(f"sweep {found.id} has no host {name!r}", hint="hardencheck report --format csv lists its hosts")
