"""Sweeps, their hosts, findings, the content behind them, and the chain that seals it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first tables."""
    digest = sa.LargeBinary(32)
    op.create_table(
        "blob",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", digest, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("base", sa.Integer),
        sa.PrimaryKeyConstraint("number", name="pk_blob"),
        sa.UniqueConstraint("digest", name="uq_blob_digest"),
        sa.ForeignKeyConstraint(["base"], ["blob.number"], name="fk_blob_base"),
    )
    op.create_index("ix_blob_base", "blob", ["base"])
    op.create_table(
        "sweep",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("started", sa.String(32), nullable=False),
        sa.Column("finished", sa.String(32)),
        sa.Column("baseline_id", sa.Text, nullable=False),
        sa.Column("baseline_version", sa.Text, nullable=False),
        sa.Column("baseline_digest", digest, nullable=False),
        sa.Column("collector_digest", sa.Text, nullable=False),
        sa.Column("roster_digest", digest),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sweep"),
        sa.UniqueConstraint("id", name="uq_sweep_id"),
        sa.ForeignKeyConstraint(["baseline_digest"], ["blob.digest"], name="fk_sweep_baseline_digest"),
        sa.ForeignKeyConstraint(["roster_digest"], ["blob.digest"], name="fk_sweep_roster_digest"),
    )
    op.create_table(
        "sweep_host",
        sa.Column("sweep", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("skew", sa.Float),
        sa.Column("duration", sa.Float, nullable=False),
        sa.Column("manifest", digest),
        sa.Column("results", digest),
        sa.PrimaryKeyConstraint("sweep", "position", name="pk_sweep_host"),
        sa.UniqueConstraint("host", "sweep", name="uq_sweep_host_host_sweep"),
        sa.ForeignKeyConstraint(["sweep"], ["sweep.number"], name="fk_sweep_host_sweep"),
        sa.ForeignKeyConstraint(["manifest"], ["blob.digest"], name="fk_sweep_host_manifest"),
        sa.ForeignKeyConstraint(["results"], ["blob.digest"], name="fk_sweep_host_results"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "finding",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("opened", sa.String(32), nullable=False),
        sa.Column("last_seen", sa.String(32), nullable=False),
        sa.Column("closed", sa.String(32)),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("host", "rule_id", name="pk_finding"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_finding_closed", "finding", ["closed"])
    op.create_table(
        "chain",
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("sweep_id", sa.String(64)),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("leaves", sa.LargeBinary, nullable=False),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("stamp", sa.LargeBinary),
        sa.Column("record", digest),
        sa.PrimaryKeyConstraint("position", name="pk_chain"),
        sa.UniqueConstraint("sweep_id", name="uq_chain_sweep_id"),
        sa.ForeignKeyConstraint(["record"], ["blob.digest"], name="fk_chain_record"),
    )
