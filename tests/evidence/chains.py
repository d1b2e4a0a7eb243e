"""Stores with a sealed chain, and what verifying one says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from hardencheck.errors import EvidenceError
from hardencheck.evidence.chain import seal_sweep
from hardencheck.evidence.checkpoint import Checkpoint
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.source import StoreSource
from hardencheck.evidence.verify import Verified, verify
from hardencheck.storage import HostRecord, Store
from tests.storage import samples

KEY = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
STRANGER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
FINISHED = "2026-11-22T02:00:00Z"


def sweep_id(number: int) -> str:
    return f"2026112{number}T013000Z-00aa11"


def seal(store: Store, number: int, *records: HostRecord, key: Signer = KEY) -> None:
    """Run and seal one sweep over the hosts of these records."""
    planned = samples.sweep(*(each.result.host for each in records), sweep_id=sweep_id(number))
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE)
        with store.writer() as writer:
            for each in records:
                writer.put(each)
        seal_sweep(store, planned.id, FINISHED, key)


def history(store: Store, sweeps: int, *names: str) -> None:
    """Seal so many sweeps over hosts of these names; the last of several hosts is unreachable."""
    for number in range(sweeps):
        records = [samples.record(name, sweep_id=sweep_id(number)) for name in names]
        if len(names) > 1:
            records[-1] = HostRecord(sweep_id(number), samples.unreachable(names[-1]))
        seal(store, number, *records)


def proved(store: Store, checkpoint: Checkpoint | None = None, key: Signer = KEY) -> Verified:
    """Verify a store as it is now."""
    with store.snapshot() as snapshot:
        return verify(StoreSource(snapshot), [key.verifier], checkpoint)


def broken(store: Store, checkpoint: Checkpoint | None = None) -> str:
    """Return the sentence that names the first broken link; empty when there is none."""
    try:
        proved(store, checkpoint)
    except EvidenceError as error:
        return error.message
    return ""


@contextmanager
def insider(store: Store) -> Iterator[Connection]:
    """Write into the database as somebody would who cares for no rule of it."""
    with store._engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        yield connection
        connection.commit()
        driver.execute("PRAGMA foreign_keys=ON")


def change(store: Store, statement: str, *values: Any) -> None:
    with insider(store) as connection:
        assert connection.exec_driver_sql(statement, values).rowcount, "nothing was changed"
