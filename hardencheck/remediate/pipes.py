"""Named pipes between this process and Ansible's: what goes through them is never on a disk, or in a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: No line of the plugin is longer: it bounds what it writes.
_LINE_BYTES = 16 * 1024 * 1024


@contextmanager
def offered(path: Path, content: bytes) -> Iterator[None]:
    """Let the first who opens a new pipe read the content, as long as the block runs."""
    os.mkfifo(path, 0o600)

    def write() -> None:
        with suppress(OSError), path.open("wb") as pipe:
            pipe.write(content)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # who waits for a reader gets one that leaves at once
        _let_go(thread, path, os.O_RDONLY)


@contextmanager
def heard(path: Path, take: Callable[[bytes], None]) -> Iterator[None]:
    """Hand every line that is written to a new pipe to `take`, until the block and all writers have ended."""
    os.mkfifo(path, 0o600)

    def read() -> None:
        with path.open("rb") as pipe:
            while line := pipe.readline(_LINE_BYTES):
                take(line)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # who waits for a writer gets one that says nothing
        _let_go(thread, path, os.O_WRONLY)


def _let_go(thread: threading.Thread, path: Path, mode: int) -> None:
    """Open the other end until the thread has gone, which may not have opened its own end yet."""
    while thread.is_alive():
        with suppress(OSError):
            os.close(os.open(path, mode | os.O_NONBLOCK))
        thread.join(0.02)
    path.unlink()
