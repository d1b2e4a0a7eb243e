"""The history of the tables; only this package imports Alembic."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from hardencheck.errors import StoreError

SCRIPTS = "hardencheck.storage:migrations"


def upgrade(connection: Connection) -> None:
    """Run what the store lacks, in the connection's transaction.

    Raises StoreError when the store carries a revision that this release does not know.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", SCRIPTS)
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"the store was written by a newer release of hardencheck ({error})",
            reason="newer",
            hint="upgrade hardencheck on this machine",
        ) from error
