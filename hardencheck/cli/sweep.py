"""`hardencheck sweep`: ask every host, judge, store, report."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.exit_codes import exit_code
from hardencheck.cli.output import emit, note, progress
from hardencheck.cli.targets import BPO_CORE, Reach, Selection, pins_beside, transports
from hardencheck.model.outcome import Severity

if TYPE_CHECKING:
    from hardencheck.model.baseline import Baseline
    from hardencheck.model.host import Host
    from hardencheck.model.sweep import Sweep
    from hardencheck.storage.store import Store

_LIMITS = "Limits"


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(sweep)


def sweep(
    inventory: opt.Inventory = None,
    limit: opt.Limit = None,
    vault_password_file: opt.VaultPasswordFile = None,
    ask_pass: opt.AskPass = False,
    ask_become_pass: opt.AskBecomePass = False,
    baseline: opt.BaselineOption = BPO_CORE,
    tailoring: opt.Tailoring = None,
    rule: opt.Rules = None,
    theme: opt.Themes = None,
    tag: opt.Tags = None,
    exclude: opt.Exclude = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish the last sweep that was interrupted.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=500, help="Hosts asked at once.", rich_help_panel=_LIMITS)] = 50,
    deadline: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds that any host may take.", rich_help_panel=_LIMITS)
    ] = 120,
    fail_on: opt.FailOn = Severity.MEDIUM,
    format: opt.FormatOption = opt.Format.TABLE,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar.")] = False,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Check hosts against a baseline; without -i, this machine."""
    from hardencheck.cli.report import rendered
    from hardencheck.collect.gather import Collector
    from hardencheck.model.capture import Limits
    from hardencheck.pipeline.collector import script_for
    from hardencheck.pipeline.sweep import Work, run
    from hardencheck.storage import open_store

    reach = Reach(inventory or (), limit, vault_password_file, ask_pass, ask_become_pass)
    selection = Selection(baseline, tailoring, rule or (), theme or (), tag or (), exclude or ())
    with open_store(store) as opened:
        todo = _resumed(opened, reach) if resume else _new(reach, selection)
        bounds = Limits(deadline=deadline, idle=min(deadline, Limits().idle))
        collector = Collector(script_for(todo.baseline), transports(todo.hosts, pins_beside(store)), bounds)
        with opened.lock(todo.sweep.id), progress(len(todo.hosts), quiet) as on_host:
            if not resume:
                opened.begin(todo.sweep, todo.snapshot)
            run(Work(todo.sweep, todo.hosts, todo.baseline, collector, workers), opened, on_host)
        done = opened.sweep(todo.sweep.id)
    emit(rendered(done, format))
    code = exit_code(done, fail_on)
    if not quiet and format is opt.Format.TABLE:
        note(f"exit {code.value}: {code.meaning}")
    return code


@dataclass(frozen=True, slots=True)
class _Todo:
    sweep: Sweep
    hosts: tuple[Host, ...]
    baseline: Baseline
    snapshot: bytes


def _new(reach: Reach, selection: Selection) -> _Todo:
    """Return a new sweep over the hosts in scope, all of them pending."""
    from hardencheck.baselines.snapshot import to_bytes
    from hardencheck.model.capture import digest
    from hardencheck.model.sweep import Sweep
    from hardencheck.pipeline.collector import script_for
    from hardencheck.pipeline.sweep import timestamp
    from hardencheck.pipeline.visit import pending
    from hardencheck.storage import new_sweep_id

    hosts, baseline = reach.hosts(), selection.load()
    snapshot, now = to_bytes(baseline), datetime.now(UTC)
    sweep = Sweep(
        id=new_sweep_id(now, secrets.token_hex(3)),
        started=timestamp(now),
        finished=None,
        baseline_id=baseline.id,
        baseline_version=baseline.version,
        baseline_digest=digest(snapshot),
        collector_digest=script_for(baseline).digest,
        settings={"inventory": [str(Path(source).absolute()) for source in reach.inventory], "limit": reach.limit},
        hosts=tuple(pending(host) for host in hosts),
    )
    return _Todo(sweep, hosts, baseline, snapshot)


def _resumed(store: Store, reach: Reach) -> _Todo:
    """Return the last sweep, if it is unfinished, with its own baseline and the hosts that it did not get to."""
    from hardencheck.errors import UsageError

    last = store.header("last")
    if last.finished:
        raise UsageError(f"sweep {last.id} is finished; there is nothing to resume", hint="hardencheck sweep")
    from hardencheck.baselines.snapshot import from_bytes

    again = replace(
        reach, inventory=reach.inventory or last.settings["inventory"], limit=reach.limit or last.settings["limit"]
    )
    left = store.pending(last.id)
    known = {host.name: host for host in again.hosts()}
    snapshot = store.blob(last.baseline_digest)
    return _Todo(last, tuple(known.get(name) or _gone(name) for name in left), from_bytes(snapshot), snapshot)


def _gone(name: str) -> Host:
    from hardencheck.model.host import Host

    return Host(name, name, problem="the host is no longer in the inventory that the sweep began with")
