"""Sweeps, results and findings over time, and the evidence behind them."""

from __future__ import annotations

from pathlib import Path

from hardencheck.storage.store import Store
from hardencheck.storage.sweep_id import new_sweep_id
from hardencheck.storage.writer import HostRecord, Writer

__all__ = ["HostRecord", "Store", "Writer", "new_sweep_id", "open_store"]


def open_store(path: Path) -> Store:
    """Open the store at `path`, making it or bringing it up to date where needed; raises StoreError."""
    return Store(path)
