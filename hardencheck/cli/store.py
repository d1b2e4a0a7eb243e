"""`hardencheck store`: how long what was collected is kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit

_DAYS = re.compile("([1-9][0-9]{0,4})d")


def add(app: typer.Typer) -> None:
    """Register the commands."""
    store = typer.Typer(help="How long what was collected is kept.", no_args_is_help=True)
    store.command()(purge)
    app.add_typer(store, name="store")


def purge(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="DAYS", help="Sweeps that ended so long ago, such as 400d.")
    ],
    signing_key: opt.SigningKey = None,
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """Remove old sweeps. Their envelopes and leaf hashes stay, so that the chain still verifies, and so do findings."""
    from hardencheck.cli.evidence import must_exist
    from hardencheck.errors import UsageError
    from hardencheck.evidence.chain import purge as purge_from
    from hardencheck.evidence.keys import key_beside, signer
    from hardencheck.pipeline.sweep import timestamp
    from hardencheck.storage import open_store

    days = _DAYS.fullmatch(older_than)
    if days is None:
        raise UsageError(f"--older-than: expected a number of days such as 400d, found {older_than!r}")
    must_exist(store)
    now = datetime.now(UTC)
    key = signer(signing_key or key_beside(store), make=False)
    with open_store(store) as opened, opened.lock(f"of what is older than {older_than}", kind="purge"):
        gone = purge_from(opened, timestamp(now - timedelta(days=int(days[1]))), timestamp(now), key)
    unfinished = f", and {gone.unfinished} that were never finished" if gone.unfinished else ""
    emit(f"{gone.sweeps} sweeps purged{unfinished}; {gone.contents} pieces of content went with them\n")
