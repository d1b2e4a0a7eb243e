"""The tables as the newest migration leaves them; a test proves that both agree."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from hardencheck.model.codec import canonical, loads

#: The newest migration's revision: a store that carries it is opened without Alembic.
REVISION = "0001"


class Digest(TypeDecorator[str]):
    """A SHA-256: 64 hexadecimal digits outside, 32 bytes in the database."""

    impl = LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> bytes | None:
        """Return the bytes for the database."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Return the hexadecimal digits."""
        return None if value is None else bytes(value).hex()


class HostText(TypeDecorator[str]):
    """Text that may come from a host: what databases refuse (NUL, bytes that were no UTF-8) is escaped as in JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """Return the text for the database."""
        if value is None or (value.isprintable() and "\\" not in value and '"' not in value):
            return value
        return canonical(value).decode()[1:-1]

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Return the text as it was given."""
        if value is None or "\\" not in value:
            return value
        text: str = loads(f'"{value}"'.encode())
        return text


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

#: Content under its digest: captures, manifests, packed results, baselines, rosters, records of remediation. `size`
#: counts bytes before compression; `base` is the number of the content that it is packed against, which was there
#: before it.
blob = Table(
    "blob",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("digest", Digest, nullable=False, unique=True),
    Column("size", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("base", Integer, ForeignKey("blob.number")),
    Index(None, "base"),
)

#: One run; `number` grows in the order in which sweeps were begun.
sweep = Table(
    "sweep",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("started", String(32), nullable=False),
    Column("finished", String(32)),
    Column("baseline_id", Text, nullable=False),
    Column("baseline_version", Text, nullable=False),
    Column("baseline_digest", Digest, ForeignKey("blob.digest"), nullable=False),
    Column("collector_digest", Text, nullable=False),
    Column("roster_digest", Digest, ForeignKey("blob.digest")),
    Column("settings", JSON, nullable=False),
)

#: One host of one sweep, in inventory order; `results` is the digest of its packed rule results.
sweep_host = Table(
    "sweep_host",
    metadata,
    Column("sweep", Integer, ForeignKey("sweep.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("host", HostText, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", HostText, nullable=False),
    Column("message", HostText, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("system", HostText, nullable=False),
    Column("platform", String(16), nullable=False),
    Column("skew", Float),
    Column("duration", Float, nullable=False),
    Column("manifest", Digest, ForeignKey("blob.digest")),
    Column("results", Digest, ForeignKey("blob.digest")),
    UniqueConstraint("host", "sweep"),
    sqlite_with_rowid=False,
)

#: The (host, rule) problem over time.
finding = Table(
    "finding",
    metadata,
    Column("host", HostText, primary_key=True),
    Column("rule_id", HostText, primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("opened", String(32), nullable=False),
    Column("last_seen", String(32), nullable=False),
    Column("closed", String(32)),
    Column("reopened", Integer, nullable=False),
    Column("message", HostText, nullable=False),
    Index(None, "closed"),
    sqlite_with_rowid=False,
)

#: The evidence chain: signed envelopes in order, one for each finished sweep, each purge, and each act of remediation,
#: whose `record` it seals. `sweep_id` outlives the sweep's row.
chain = Table(
    "chain",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("sweep_id", String(64), unique=True),
    Column("envelope", LargeBinary, nullable=False),
    Column("leaves", LargeBinary, nullable=False),
    Column("salt", LargeBinary),
    Column("stamp", LargeBinary),
    Column("record", Digest, ForeignKey("blob.digest")),
)
