"""SQLite as the embedded store: how its file is made, opened and kept safe. All that is SQLite's own stands here."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert

from hardencheck.errors import StoreError
from hardencheck.model.codec import canonical, loads

#: How long to wait for another connection's transaction, in milliseconds.
BUSY_MS = 15_000

#: File systems that do not give processes one shared memory and true locks, which write-ahead logging needs.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"}
)

_MOUNTS = Path("/proc/self/mountinfo")


def open_engine(path: Path) -> Engine:
    """Return the engine of the store at `path`, made with mode 0600 in a folder of mode 0700 if it is not there.

    A store that this process may not write is opened for reading. Raises StoreError for a network file system, OSError
    when folder or file cannot be made.
    """
    read_only = _prepare(path)
    engine = create_engine(
        URL.create("sqlite", database=f"file:{quote(str(path))}", query={"uri": "true", **_mode(path, read_only)}),
        json_serializer=lambda body: canonical(body).decode(),
        json_deserializer=lambda text: loads(text.encode()),
    )
    _listen(engine)
    return engine


def writable(path: Path) -> bool:
    """Whether this process may write the file and its folder, where SQLite keeps its log."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def logs_ahead(connection: Connection) -> bool:
    """Whether the database, which must have been read before, uses write-ahead logging."""
    return connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def programs(connection: Connection) -> list[str]:
    """Return what the database does by itself when it is read or written: triggers and views, of which we make none."""
    statement = "SELECT type || ' ' || name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY name"
    return [str(name) for (name,) in connection.exec_driver_sql(statement)]


def log_ahead(engine: Engine) -> None:
    """Switch the database to write-ahead logging, for good; only one process at a time may try."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode=WAL")
    except engine.dialect.loaded_dbapi.Error as error:  # nobody else turns the driver's own error into SQLAlchemy's
        raise DBAPIError("PRAGMA journal_mode=WAL", None, error) from error
    finally:
        connection.close()


def for_writing(engine: Engine) -> Engine:
    """Return the engine whose transactions take the write lock at their start, so that they wait instead of failing."""
    return engine.execution_options(begin="BEGIN IMMEDIATE")


def insert_if_absent(table: Table) -> Insert:
    """Return an insert that leaves a row alone that is already there."""
    return sqlite.insert(table).on_conflict_do_nothing()


def network_file_system(mounts: str, device: int) -> str | None:
    """Return the type of the network file system with this device number, or None; `mounts` is proc(5) mountinfo."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        kind = rest.split(" ", 1)[0]
        if fields.split(" ")[2] == wanted and kind in NETWORK_FILE_SYSTEMS:
            return kind
    return None


def _prepare(path: Path) -> bool:
    """Make folder and file where missing; return whether the store can only be read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kind = network_file_system(_MOUNTS.read_text(), path.parent.stat().st_dev) if _MOUNTS.exists() else None
    if kind is not None:
        raise StoreError(
            f"store {path}: {kind} is a network file system, where SQLite loses data",
            reason="network_file_system",
            hint="put the store on a local disk",
        )
    with suppress(FileExistsError):
        # SQLite gives its -wal and -shm files the mode of this one. Only SQLite ever opens it: any other close(2) would
        # drop the locks that SQLite holds in this process (sqlite.org/howtocorrupt.html, section 2.2)
        os.mknod(path, 0o600 | stat.S_IFREG)
    return not writable(path)


def _mode(path: Path, read_only: bool) -> dict[str, str]:
    if not read_only:
        return {"mode": "rw"}
    log = path.with_name(path.name + "-wal")
    # no log means that no writer has it open: SQLite may then read without making its own files beside it
    return {"mode": "ro"} if log.exists() and log.stat().st_size else {"mode": "ro", "immutable": "1"}


def _listen(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # the driver must not begin transactions of its own: `begun` does
        connection.isolation_level = None
        # what is purged must not lie about in free pages, as it does unless SQLite was built otherwise
        for pragma in (f"busy_timeout={BUSY_MS}", "foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
