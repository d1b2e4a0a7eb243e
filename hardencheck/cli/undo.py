"""`hardencheck undo` and `hardencheck audit`: takes a run of `apply` back, and tells who did what."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.exit_codes import ExitCode
from hardencheck.cli.output import emit
from hardencheck.cli.remediation import Asked, confirm
from hardencheck.cli.targets import Reach


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(undo)
    app.command()(audit)


def undo(
    run: Annotated[str, typer.Argument(help="The run's id, as hardencheck apply and audit print it.")],
    force: Annotated[
        bool, typer.Option("--force", help="Put back also what somebody has changed since the run.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    inventory: opt.Inventory = None,
    limit: opt.Limit = None,
    vault_password_file: opt.VaultPasswordFile = None,
    ask_pass: opt.AskPass = False,
    ask_become_pass: opt.AskBecomePass = False,
    signing_key: opt.SigningKey = None,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Put back what hosts had before a run of hardencheck apply, and sweep them."""
    from hardencheck.cli.evidence import must_exist
    from hardencheck.errors import UsageError
    from hardencheck.pipeline.undo import guarded
    from hardencheck.pipeline.undo import undo as take_back
    from hardencheck.report.applied import render_undo
    from hardencheck.report.screen import counted
    from hardencheck.storage import open_store

    must_exist(store)
    asked = Asked(store, Reach(inventory or (), None, vault_password_file, ask_pass, ask_become_pass), signing_key)
    with open_store(store) as opened:
        held = guarded(opened, run)
        names = list(dict.fromkeys(name for each in held for name in each.hosts))
        if not names:
            raise UsageError(f"{run}: nothing of it is left to be put back", hint="hardencheck audit tells why")
        sweep = opened.header(held[0].sweep)
        hosts = asked.hosts(sweep, names, limit)
        confirm(f"Put {counted(len(hosts), 'host')} back as before {run}?", yes=yes)
        with opened.lock(run, kind="undo"), asked.means(run, opened, sweep, hosts) as means:
            done = take_back(held, opened, means, force=force)
    emit(render_undo(run, done.answers, done.sweep.id if done.sweep else ""))
    return ExitCode.COMPLIANT if done.whole else ExitCode.INCOMPLETE


def audit(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with all that is sealed of each act.")] = False,
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """Tell who planned, approved, applied and undid what; hardencheck evidence verify proves it."""
    from hardencheck.cli.evidence import must_exist
    from hardencheck.evidence import audit as log
    from hardencheck.report.audit import render
    from hardencheck.storage import open_store

    must_exist(store)
    with open_store(store) as opened:
        entries = list(log.read(opened))
    emit(json.dumps([asdict(each) for each in entries], indent=2) + "\n" if as_json else render(entries))
