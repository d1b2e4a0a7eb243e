"""`hardencheck doctor`: what would keep a full sweep from working, per host, and what to do about it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.exit_codes import ExitCode
from hardencheck.cli.output import emit
from hardencheck.cli.targets import BPO_CORE, Reach, Selection, credentials_beside, pins_beside, transports
from hardencheck.model.outcome import Platform
from hardencheck.report.escape import term

if TYPE_CHECKING:
    from hardencheck.transport.diagnose import Step


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(doctor)


def doctor(
    inventory: opt.Inventory = None,
    limit: opt.Limit = None,
    vault_password_file: opt.VaultPasswordFile = None,
    ask_pass: opt.AskPass = False,
    ask_become_pass: opt.AskBecomePass = False,
    baseline: opt.BaselineOption = BPO_CORE,
    rule: opt.Rules = None,
    theme: opt.Themes = None,
    tag: opt.Tags = None,
    exclude: opt.Exclude = None,
    show_script: Annotated[
        bool, typer.Option("--show-script", help="Print the script that a sweep runs, and connect to no host.")
    ] = False,
    platform: Annotated[Platform, typer.Option(help="Of which platform --show-script prints it.")] = Platform.LINUX,
    windows_setup: Annotated[
        bool, typer.Option("--windows-setup", help="Print what Windows hosts need to be set up with; connect to none.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=500, help="Hosts asked at once.")] = 50,
    deadline: Annotated[float, typer.Option(min=1, max=3600, help="Seconds that any host may take.")] = 30,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Say per host what a full sweep would lack: DNS, port, host key, login, privilege, shell, clock."""
    from hardencheck.model.capture import Limits
    from hardencheck.pipeline.collector import script_for, scripts_for
    from hardencheck.transport import diagnose, diagnose_windows
    from hardencheck.transport.guard import CredentialGuard

    if windows_setup:
        from hardencheck.cli.windows_setup import TEXT

        emit(TEXT)
        return ExitCode.COMPLIANT
    selected = Selection(baseline, (), rule or (), theme or (), tag or (), exclude or ()).load()
    if show_script:
        emit(script_for(selected, platform).text)
        return ExitCode.COMPLIANT
    hosts = Reach(inventory or (), limit, vault_password_file, ask_pass, ask_become_pass).hosts()
    reach = transports(hosts, pins_beside(store), CredentialGuard(credentials_beside(store)))
    limits = Limits(deadline=deadline, idle=deadline)
    ready = 0
    with ThreadPoolExecutor(min(workers, len(hosts))) as pool:
        doctors = {Platform.LINUX: diagnose.diagnose, Platform.WINDOWS: diagnose_windows.diagnose}
        asked = pool.map(lambda host: doctors[host.platform](reach[host.connection], host, limits, time.time), hosts)
        for host, steps in zip(hosts, asked, strict=True):
            trouble = any(step.state is diagnose.State.FAILED or step.hint for step in steps)
            ready += not trouble
            whole = len(hosts) == 1
            emit(_page(host.name, steps, whole) if trouble or whole else f"{term(host.name)}  ready\n")
    for transport in reach.values():
        transport.close()
    emit(f"\n{ready} of {len(hosts)} hosts are ready for a full sweep\n")
    for name, script in scripts_for(selected, (host.platform for host in hosts)).items():
        emit(f"{name} script sha256 {script.digest}\n  (hardencheck doctor --show-script --platform {name})\n")
    return ExitCode.COMPLIANT if ready == len(hosts) else ExitCode.INCOMPLETE


def _page(host: str, steps: list[Step], whole: bool) -> str:
    """Return a host's steps, each with its hint; unless `whole`, only those that need somebody to act."""
    from hardencheck.report.screen import WIDTH
    from hardencheck.transport.diagnose import State

    lines = [term(host)]
    for step in steps:
        if step.hint or (step.message and (whole or step.state is State.FAILED)):
            label = f"  {step.name.replace('_', ' '):<15} {step.state.value:<10} "
            lines += wrap(
                term(step.message), WIDTH, initial_indent=label, subsequent_indent=" " * 29, break_on_hyphens=False
            )
        if step.hint:
            arrow = f"{'':<29}-> "
            lines += wrap(
                term(step.hint), WIDTH, initial_indent=arrow, subsequent_indent=" " * 32, break_on_hyphens=False
            )
    return "\n".join(lines) + "\n"
