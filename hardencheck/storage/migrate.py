"""Brings the tables of a store to the form that this release knows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from hardencheck.errors import EvidenceError, StoreError
from hardencheck.storage.lock import Lock
from hardencheck.storage.schema import REVISION
from hardencheck.storage.sqlite import for_writing, log_ahead, logs_ahead, programs, writable

#: How long an older store waits for the process that holds it before it is changed, in seconds.
PATIENCE = 15.0


def bring_up_to_date(engine: Engine, path: Path) -> None:
    """Run the migrations that the store at `path` lacks, all in one transaction.

    Alembic is imported only when there is something to do. Raises StoreError for a store of a newer release or for a
    file of another program, StoreLocked when another process holds an older store, EvidenceError when something was
    added to the database that acts by itself.
    """
    may_write = writable(path)
    # an empty file may be in the making: it is not touched before its maker lets go of the lock
    if path.stat().st_size:
        with engine.connect() as connection:
            if _revision(connection, path) == REVISION and (logs_ahead(connection) or not may_write):
                return
    if not may_write:
        raise StoreError(
            f"store {path}: it is empty or was written by an older release, and it is read-only",
            reason="read_only",
            hint="open it once as the user who owns it",
        )
    with Lock(path).held("migration", patience=PATIENCE):
        _make_or_change(engine, path)


def _make_or_change(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        # another process may have done it while this one waited; and another program's file is left as it is
        revision = _revision(connection, path)
        ahead = logs_ahead(connection)
    if not ahead:
        log_ahead(engine)
    if revision != REVISION:
        # Alembic takes a third of a second to import and is seldom needed
        from hardencheck.storage.migrations import upgrade

        with for_writing(engine).begin() as connection:
            upgrade(connection)


def _revision(connection: Connection, path: Path) -> str | None:
    """Return the revision that the store carries; None when it is empty."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise StoreError(
            f"store {path}: the file is the database of another program", reason="foreign", hint="choose another path"
        )
    # what was added once would go on changing what every later sweep stores, before it is sealed
    if added := programs(connection):
        raise EvidenceError(
            f"store {path}: somebody has added {', '.join(added)}, which may change what is stored",
            hint="look who did; restore the store from a backup",
        )
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision
