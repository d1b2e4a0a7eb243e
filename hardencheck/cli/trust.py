"""`hardencheck trust`: pin SSH host keys, from a file or at first sight."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.exit_codes import ExitCode
from hardencheck.cli.output import emit
from hardencheck.cli.targets import Reach, pins_beside
from hardencheck.report.escape import term

if TYPE_CHECKING:
    from hardencheck.model.host import Host
    from hardencheck.transport.hostkeys import HostKey


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(trust)


def trust(
    inventory: opt.Inventory = None,
    limit: opt.Limit = None,
    vault_password_file: opt.VaultPasswordFile = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", help="Pin the keys of this known_hosts file; nothing is asked.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a pinned key that has changed.")] = False,
    deadline: Annotated[float, typer.Option(min=1, max=3600, help="Seconds that any host may take.")] = 30,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Pin the SSH host keys of an inventory: shows each fingerprint and asks, or takes them from a file."""
    from hardencheck.errors import HardencheckError, Unreachable, UsageError

    hosts = [host for host in Reach(inventory or (), limit, vault_password_file).hosts() if host.connection == "ssh"]
    if not hosts:
        raise UsageError("there is no SSH host to trust", hint="add -i INVENTORY")
    if from_file is None and not sys.stdin.isatty():
        raise UsageError("fingerprints can only be confirmed on a terminal", hint="use --from-file KNOWN_HOSTS")
    if from_file is not None and (from_file.is_dir() or not from_file.exists()):
        raise UsageError(f"--from-file {from_file}: there is no such file", hint="give a known_hosts file")
    pins, left = pins_beside(store), 0
    for host in hosts:
        try:
            if host.problem:
                raise Unreachable(host.problem, hint="correct the host's variables in the inventory")
            keys = _listed(host, from_file) if from_file else _seen(host, pins, deadline)
            said = _pin(pins, host, keys, replace) if keys else "not trusted"
        except HardencheckError as error:
            keys, said = [], f"{error.message}" + (f"; {error.hint}" if error.hint else "")
        left += not keys
        emit(f"{term(host.name)}: {term(said)}\n")
    return ExitCode.INCOMPLETE if left else ExitCode.COMPLIANT


def _listed(host: Host, path: Path) -> list[HostKey]:
    """Return the plain keys that a known_hosts file holds for a host."""
    from hardencheck.errors import HostKeyRejected
    from hardencheck.transport.hostkeys import KnownHosts, known_name

    known, name = KnownHosts.read(path), known_name(host.address, host.port)
    found = [pin.key for pin in known.find(name) if not pin.marker]
    if not found:
        raise HostKeyRejected(f"{path} has no key for {name}", hint="; ".join(known.problems[:1]))
    return found


def _seen(host: Host, pins: Path, deadline: float) -> list[HostKey]:
    """Ask the host for its key and the person at the terminal whether it is the right one."""
    from hardencheck.model.capture import Limits
    from hardencheck.transport.ssh import SshTransport

    transport = SshTransport(pins)
    try:
        key = transport.fetch_host_key(host, Limits(deadline=deadline, idle=deadline))
    finally:
        transport.close()
    emit(f"{term(host.name)} ({term(host.address)} port {host.port}) shows {key.key_type} {key.fingerprint}\n")
    return [key] if typer.confirm("  compared at the host, trust it?", default=False) else []


def _pin(pins: Path, host: Host, keys: list[HostKey], replace: bool) -> str:
    from hardencheck.transport.pins import pin

    added = [key for key in keys if pin(pins, host.address, host.port, key, replace=replace)]
    return f"pinned {', '.join(key.fingerprint for key in added)}" if added else "was pinned already"
