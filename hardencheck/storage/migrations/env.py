"""What Alembic runs: migrations on the connection that `hardencheck.storage.migrate` opened, in its transaction."""

from __future__ import annotations

from alembic import context

from hardencheck.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most of a table; Alembic then copies it
    render_as_batch=True,
)
context.run_migrations()
