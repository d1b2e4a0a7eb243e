"""`hardencheck apply`: what a plan says, previewed or done, wave by wave."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.exit_codes import ExitCode
from hardencheck.cli.output import emit, note
from hardencheck.cli.remediation import Asked, confirm
from hardencheck.cli.targets import Reach

if TYPE_CHECKING:
    from hardencheck.model.applied import Applied
    from hardencheck.model.plan import Plan


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(apply)


def apply(
    plan: Annotated[Path, typer.Argument(help="The file that hardencheck plan wrote.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Only show what would be changed, before and after.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    batch: Annotated[
        str, typer.Option("--batch", help="Sizes of the waves: counts, or shares of all hosts; the last is repeated.")
    ] = "1,5%,25%",
    revert_after: Annotated[
        int,
        typer.Option(
            "--revert-after",
            metavar="SECONDS",
            min=30,
            max=3600,
            help="What may cut access is taken back by the host itself, unless it can be reached anew by then.",
        ),
    ] = 300,
    inventory: opt.Inventory = None,
    limit: opt.Limit = None,
    vault_password_file: opt.VaultPasswordFile = None,
    ask_pass: opt.AskPass = False,
    ask_become_pass: opt.AskBecomePass = False,
    signing_key: opt.SigningKey = None,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Do what a plan says; each wave is swept afterwards, and the first one that is not as planned is the last."""
    from hardencheck.cli.evidence import must_exist
    from hardencheck.model.remediation import RunState
    from hardencheck.pipeline import apply as pipeline
    from hardencheck.remediate.waves import waves
    from hardencheck.report import applied as screen
    from hardencheck.report.plan import render
    from hardencheck.report.screen import counted
    from hardencheck.storage import open_store

    must_exist(store)
    asked = Asked(
        store,
        Reach(inventory or (), None, vault_password_file, ask_pass, ask_become_pass),
        signing_key,
        revert_after,
    )
    content, whole = _read(plan, store, signing_key)
    if not whole.steps:
        note("the plan has nothing that playbooks change")
        return ExitCode.COMPLIANT
    with open_store(store) as opened:
        sweep = opened.header(whole.sweep)
        hosts = asked.hosts(sweep, whole.hosts, limit)
        wanted = replace(whole, steps=tuple(step for step in whole.steps if step.host in hosts))
        split = waves(wanted.hosts, batch)
        if not check:
            emit(render(wanted))
            sizes = ", ".join(str(len(wave)) for wave in split)
            confirm(f"Change {counted(len(hosts), 'host')} in waves of {sizes}?", yes=yes)
        run = f"run-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        with opened.lock(run, kind="remediation"), asked.means(run, opened, sweep, hosts) as means:
            if check:
                found = pipeline.preview(wanted, means)
                emit(screen.render_preview(found))
                good = all(each.state is RunState.OK for runs in found.values() for each in runs)
                return ExitCode.COMPLIANT if good else ExitCode.INCOMPLETE
            pipeline.approve(wanted, content, split, opened, means)
            done = pipeline.apply(wanted, split, opened, means, lambda wave: emit(screen.render_wave(wave)))
    emit(screen.render(done))
    return _status(done)


def _read(path: Path, store: Path, signing_key: Path | None) -> tuple[bytes, Plan]:
    """Return a plan's file and the plan; raises UsageError, RemediationError."""
    from hardencheck.baselines.playbooks import digest_of
    from hardencheck.errors import RemediationError, UsageError
    from hardencheck.evidence.keys import key_beside, signer
    from hardencheck.pipeline.planning import from_bytes
    from hardencheck.pipeline.sweep import timestamp

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="hardencheck plan --out FILE writes a plan") from None
    trusted = [signer(signing_key or key_beside(store), make=False).verifier]
    try:
        plan = from_bytes(content, trusted, timestamp(datetime.now(UTC)))
        if plan.playbooks != digest_of():
            raise RemediationError(
                "it was made for other playbooks than these", hint="make a new one: hardencheck plan"
            )
    except RemediationError as error:
        raise RemediationError(f"{path}: {error.message}", hint=error.hint) from None
    return content, plan


def _status(done: Applied) -> ExitCode:
    if done.verified:
        return ExitCode.COMPLIANT
    hosts = [host for wave in done.waves for host in wave.hosts]
    findings = any(host.left or host.broken for host in hosts)
    incomplete = bool(done.untouched) or any(host.message for host in hosts)
    status = (1 if findings else 0) + (2 if incomplete else 0)
    return next(code for code in ExitCode if code == status)
