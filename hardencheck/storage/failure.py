"""What the database says when it fails, as a sentence with a next step."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hardencheck.errors import StoreError

#: SQLite's primary result codes (sqlite.org/rescode.html) -> reason code, sentence, what to do next.
_KNOWN = {
    "SQLITE_FULL": ("disk_full", "no space is left for it", "free disk space, then resume the sweep"),
    "SQLITE_IOERR": (
        "disk_failed",
        "the disk refused a read or a write",
        "look for a full disk, a quota or a disk error, then resume the sweep",
    ),
    "SQLITE_READONLY": ("read_only", "it is read-only", "run as the user who owns it, or choose another store"),
    "SQLITE_BUSY": ("busy", "another process kept it busy for too long", "try again when that process has ended"),
    "SQLITE_CORRUPT": ("damaged", "the file is damaged", "restore it from a backup"),
    "SQLITE_NOTADB": ("damaged", "the file is no store of hardencheck", "choose another path, or restore a backup"),
    "SQLITE_CANTOPEN": ("unopenable", "it cannot be opened", "look at the path and its permissions"),
    "SQLITE_PERM": ("unopenable", "it cannot be opened", "look at the path and its permissions"),
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the database or the file system raises inside the block into a StoreError about the store at `path`."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _store_error(path, error) from error
    except ValueError as error:
        # SQLite says what is wrong with a damaged list of tables by quoting it, which may be no text at all
        reason, sentence, hint = _KNOWN["SQLITE_CORRUPT"]
        raise StoreError(f"store {path}: {sentence} ({error})", reason=reason, hint=hint) from error
    except OSError as error:
        raise StoreError(
            f"store {path}: {error.strerror or error}",
            reason="read_only" if error.errno == errno.EROFS else "unopenable",
            hint="choose a path where this user may read and write",
        ) from error


def _store_error(path: Path, error: SQLAlchemyError) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) else None
    name = str(getattr(cause, "sqlite_errorname", ""))
    # an extended code starts with its primary one: SQLITE_IOERR_WRITE, SQLITE_READONLY_DIRECTORY
    for primary, (reason, sentence, hint) in _KNOWN.items():
        if name.startswith(primary):
            return StoreError(f"store {path}: {sentence} ({cause})", reason=reason, hint=hint)
    return StoreError(f"store {path}: {cause or error}")
