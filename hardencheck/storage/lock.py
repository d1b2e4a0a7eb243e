"""One process at a time may write a store: an flock(2) beside it, which dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hardencheck.errors import StoreError, StoreLocked


class Lock:
    """The lock file of the store at `path`. Its content is for messages only; the kernel holds the lock."""

    def __init__(self, path: Path) -> None:
        self._store = path
        self._path = path.with_name(path.name + ".lock")

    @contextmanager
    def held(self, purpose: str, *, patience: float = 0.0) -> Iterator[None]:
        """Hold the lock inside the block; `purpose` (a sweep's id) is what others are told.

        Raises StoreLocked, naming process and purpose, when it is not free within `patience` seconds.
        """
        try:
            handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"store {self._store}: its lock file cannot be opened: {error.strerror}",
                reason="unopenable",
                hint="run as the user who owns the store",
            ) from error
        try:
            self._acquire(handle, time.monotonic() + patience)
            self._write(handle, json.dumps({"pid": os.getpid(), "purpose": purpose}).encode())
            try:
                yield
            finally:
                self._write(handle, b"")
        finally:
            os.close(handle)

    def _acquire(self, handle: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < until:
                    time.sleep(0.05)
                    continue
                raise StoreLocked(
                    f"store {self._store}: held by {self._holder(handle)}", hint="try again when it has ended"
                ) from None
            return

    @staticmethod
    def _holder(handle: int) -> str:
        try:
            body: Any = json.loads(os.pread(handle, 4096, 0))
            return f"process {int(body['pid'])} ({body['purpose']})"
        except (ValueError, KeyError, TypeError):
            return "another process"

    @staticmethod
    def _write(handle: int, content: bytes) -> None:
        """Replace the content; on a full disk the lock still holds, only its description is lost."""
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, content, 0)
        except OSError:
            return
