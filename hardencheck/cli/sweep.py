"""`hardencheck sweep`: ask every host, judge, store, report."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli import reports
from hardencheck.cli.exit_codes import exit_code
from hardencheck.cli.output import emit, note, progress
from hardencheck.cli.targets import BPO_CORE, Reach, Selection, credentials_beside, pins_beside, transports
from hardencheck.model.outcome import Platform, Severity
from hardencheck.report.escape import term

if TYPE_CHECKING:
    from hardencheck.collect.gather import Script
    from hardencheck.model.baseline import Baseline
    from hardencheck.model.host import Host
    from hardencheck.model.roster import Roster
    from hardencheck.model.sweep import HostResult, Sweep
    from hardencheck.storage.store import Store

_LIMITS = "Limits"
#: PowerShell takes its time to start, and WMI to answer
DEADLINES = {Platform.LINUX: 120.0, Platform.WINDOWS: 300.0}


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
    level: opt.LevelOption = None,
    roster: opt.RosterOption = None,
    waivers: opt.Waivers = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish the last sweep that was interrupted.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=500, help="Hosts asked at once.", rich_help_panel=_LIMITS)] = 50,
    deadline: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=3600,
            show_default="120, Windows 300",
            help="Seconds that any host may take.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    fail_on: opt.FailOn = Severity.MEDIUM,
    format: opt.FormatOption = opt.Format.TABLE,
    report: opt.ReportOption = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="DIR", help="Also write what hosts answered, names replaced, to be sent."),
    ] = None,
    signing_key: opt.SigningKey = None,
    tsa: Annotated[
        str | None,
        typer.Option("--tsa", metavar="URL", help="Have the sealed sweep stamped by this time stamp authority."),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar.")] = False,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Check hosts against a baseline; without -i, this machine."""
    from hardencheck.cli.diff import explained
    from hardencheck.cli.report import accepted, rendered, reported
    from hardencheck.collect.gather import Collector
    from hardencheck.collect.record import Recorder
    from hardencheck.errors import Interrupted
    from hardencheck.evidence.keys import key_beside, signer
    from hardencheck.model.capture import Limits
    from hardencheck.pipeline.sweep import Work, run
    from hardencheck.probes.support_table import support_table
    from hardencheck.storage import new_sweep_id, open_store
    from hardencheck.transport.guard import CredentialGuard

    wanted, stamper = reports.parse(report), _stamper(tsa)
    reach = Reach(inventory or (), limit, vault_password_file, ask_pass, ask_become_pass)
    selection = Selection(baseline, tailoring or (), rule or (), theme or (), tag or (), exclude or (), level)
    accepts, now = accepted(waivers), datetime.now(UTC)
    if aged := support_table().warning(now):
        note(aged)
    with open_store(store) as opened:
        sweep_id = opened.resolve("last") if resume else new_sweep_id(now, secrets.token_hex(3))
        with opened.lock(sweep_id):
            if resume:
                todo = _resumed(opened, sweep_id, reach, selection, roster)
            else:
                todo = _new(sweep_id, now, reach, selection, roster)
            signs = signer(signing_key or key_beside(store), make=signing_key is None)
            seconds = {platform: deadline or DEADLINES[platform] for platform in Platform}
            bounds = {name: Limits(deadline=most, idle=min(most, Limits().idle)) for name, most in seconds.items()}
            by = todo.baseline
            collector = Collector(
                todo.scripts,
                transports(todo.hosts, pins_beside(store), CredentialGuard(credentials_beside(store))),
                bounds,
                lambda host: by.values_for(host.name, host.groups),
            )
            recorder = Recorder(record) if record else None
            if not resume:
                opened.begin(todo.sweep, todo.snapshot, todo.roster.to_bytes() if todo.roster else None)
            try:
                with progress(len(todo.hosts), quiet) as on_host:
                    work = Work(todo.sweep, todo.hosts, by, collector, signs, workers, todo.roster, recorder)
                    run(work, opened, on_host)
            except KeyboardInterrupt:
                left, total = len(opened.pending(sweep_id)), len(todo.sweep.hosts)
                raise Interrupted(
                    f"sweep {sweep_id} was interrupted; {total - left} of {total} hosts are done and kept",
                    hint="hardencheck sweep --resume finishes the rest",
                ) from None
            stamper(opened)
        whole = opened.sweep(sweep_id)
        done = explained(reported(whole, by, accepts), opened, accepts, whole=whole, since=None)
    emit(rendered(done, format))
    reports.write(done, wanted)
    code = exit_code(done, fail_on)
    if not quiet and format is opt.Format.TABLE:
        note(f"exit {code.value}: {code.meaning}")
    return code


def _stamper(url: str | None) -> Callable[[Store], None]:
    """Return what has the newest link stamped; that it could not be is said, and no reason to lose the sweep."""
    if url is None:
        return lambda _: None
    from hardencheck.errors import StampRefused
    from hardencheck.evidence.timestamp import authority, stamp_newest

    address = authority(url)

    def stamp(store: Store) -> None:
        try:
            stamp_newest(store, address)
        except StampRefused as error:
            note(f"not stamped: {term(error.message)}")

    return stamp


@dataclass(frozen=True, slots=True)
class _Todo:
    sweep: Sweep
    hosts: tuple[Host, ...]
    baseline: Baseline
    snapshot: bytes
    roster: Roster | None
    scripts: dict[Platform, Script]


def _new(sweep_id: str, now: datetime, reach: Reach, selection: Selection, roster: Path | None) -> _Todo:
    """Return a new sweep over the hosts in scope, all of them pending."""
    from hardencheck.baselines.snapshot import to_bytes
    from hardencheck.model.capture import digest
    from hardencheck.model.sweep import Sweep
    from hardencheck.pipeline.collector import digest_of, scripts_for
    from hardencheck.pipeline.sweep import timestamp
    from hardencheck.pipeline.visit import pending

    baseline, people = selection.load(), _read(roster, now)
    hosts, snapshot = reach.hosts(baseline.tailoring), to_bytes(baseline)
    scripts = scripts_for(baseline, (host.platform for host in hosts), roster=people is not None)
    sweep = Sweep(
        id=sweep_id,
        started=timestamp(now),
        finished=None,
        baseline_id=baseline.id,
        baseline_version=baseline.version,
        baseline_digest=digest(snapshot),
        collector_digest=digest_of(scripts),
        settings=reach.settings(),
        hosts=tuple(pending(host) for host in hosts),
        roster_digest=people.digest if people else None,
    )
    return _Todo(sweep, hosts, baseline, snapshot, people, scripts)


def _read(roster: Path | None, now: datetime) -> Roster | None:
    from hardencheck.inventory.roster import read

    return read(roster, now.date()) if roster else None


def _resumed(store: Store, sweep_id: str, reach: Reach, selection: Selection, roster: Path | None) -> _Todo:
    """Return an unfinished sweep, with its own baseline and roster, and the hosts that it did not get to.

    Options may repeat what the sweep began with; what would change it is a UsageError.
    """
    from hardencheck.baselines.snapshot import from_bytes, to_bytes
    from hardencheck.errors import UsageError
    from hardencheck.model.capture import digest
    from hardencheck.model.outcome import HostState
    from hardencheck.pipeline.collector import digest_of, scripts_for

    last = store.sweep(sweep_id)
    if last.finished:
        raise UsageError(f"sweep {last.id} is finished; there is nothing to resume", hint="hardencheck sweep")
    again = "give the same options as when it began, or none; hardencheck sweep begins a new one"
    if reach.limit not in (None, last.settings["limit"]):
        raise UsageError(f"sweep {last.id} did not begin with --limit {reach.limit}", hint=again)
    snapshot = store.blob(last.baseline_digest)
    baseline = from_bytes(snapshot)
    if selection.given and digest(to_bytes(selection.load())) != last.baseline_digest:
        raise UsageError(f"sweep {last.id} began with other rules or values", hint=again)
    people, given = store.roster(last), _read(roster, datetime.now(UTC))
    if given and given.digest != last.roster_digest:
        raise UsageError(f"sweep {last.id} began with {'another' if people else 'no'} roster", hint=again)
    scripts = scripts_for(baseline, (host.platform for host in last.hosts), roster=people is not None)
    if digest_of(scripts) != last.collector_digest:
        raise UsageError(
            f"sweep {last.id} was begun by another version of hardencheck, whose script differs",
            hint="hardencheck sweep begins a new one",
        )
    left = [host for host in last.hosts if host.state is HostState.PENDING]
    known = {host.name: host for host in reach.again(last.settings).hosts()} if left else {}
    hosts = tuple(known.get(host.host) or _gone(host) for host in left)
    return _Todo(last, hosts, baseline, snapshot, people, scripts)


def _gone(left: HostResult) -> Host:
    """Return a host that cannot be asked any more, with the labels and groups that the sweep began with."""
    from hardencheck.model.host import Host
    from hardencheck.pipeline.visit import LABELS

    problem = "the host is no longer in the inventory that the sweep began with"
    client, unit, site, owner = (left.labels.get(name) for name in LABELS)
    return Host(
        left.host,
        left.host,
        platform=left.platform,
        groups=left.groups,
        client=client,
        process_unit=unit,
        site=site,
        owner=owner,
        problem=problem,
    )
