"""`hardencheck credential list|reset`: accounts whose password hosts refused, and that nobody tries any more."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit
from hardencheck.cli.targets import credentials_beside
from hardencheck.report.escape import term

_NONE = "no credential is suspended\n"

_Accounts = Annotated[
    list[str] | None, typer.Argument(help="Accounts as credential list names them.", show_default=False)
]
_All = Annotated[bool, typer.Option("--all", help="Every suspended account, also when their file cannot be read.")]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Suspended credentials: list, reset.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(reset)
    app.add_typer(group, name="credential")


def list_(store: opt.StoreOption = opt.default_store()) -> None:
    """List the accounts whose password two hosts in a row refused; no sweep and no doctor shows it to any host."""
    from tabulate import tabulate

    from hardencheck.transport.suspensions import Suspensions

    found = Suspensions(credentials_beside(store)).read().values()
    rows = [(term(entry.account), term(entry.since), term(", ".join(entry.hosts))) for entry in found]
    headers = ("account", "since", "refused by")
    emit(tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True) + "\n" if rows else _NONE)


def reset(account: _Accounts = None, all_: _All = False, store: opt.StoreOption = opt.default_store()) -> None:
    """Let suspended accounts be tried again, once their password in the inventory is right and they are not locked."""
    from hardencheck.errors import StoreError, UsageError
    from hardencheck.transport.suspensions import Suspensions

    if bool(account) == all_:
        raise UsageError("name accounts, or give --all", hint="hardencheck credential list names them")
    path = credentials_beside(store)
    file = Suspensions(path)
    try:
        found = file.read()
    except StoreError:
        if not all_:
            raise
        file.remove(None)
        emit(f"{term(path)}: could not be read and is begun anew\n")
        return
    wanted = {name.casefold(): name for name in account or ()}
    strangers = [name for folded, name in wanted.items() if folded not in found]
    if strangers:
        names = ", ".join(shlex.quote(entry.account) for entry in found.values())
        raise UsageError(f"{shlex.quote(strangers[0])} is not suspended", hint=f"suspended: {names or 'none'}")
    lifted = [entry.account for folded, entry in found.items() if all_ or folded in wanted]
    if lifted:
        file.remove(lifted)
    emit("".join(f"{term(name)}: may be tried again\n" for name in lifted) or _NONE)
