"""The command as a process that a test can watch while it runs: on a terminal, and to be interrupted."""

from __future__ import annotations

import fcntl
import os
import pty
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120.0


def words(*arguments: object, prefix: Sequence[str] = ()) -> list[str]:
    """Return the command line that runs `hardencheck` with these arguments."""
    return [*prefix, sys.executable, "-m", "hardencheck", *map(str, arguments)]


@contextmanager
def started(
    line: Sequence[str], environment: dict[str, str], folder: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a command with its output in pipes; it is gone at the end of the block."""
    with subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        cwd=folder,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def done_hosts(store: Path) -> int:
    """Count the hosts of the store's newest sweep that are committed; none while there is no sweep yet."""
    if not store.exists():
        return 0
    query = "SELECT count(*) FROM sweep_host WHERE state != 'pending' AND sweep = (SELECT max(number) FROM sweep)"
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # its tables are being made
        return 0


def wait_for_hosts(process: subprocess.Popen[str], store: Path, count: int) -> None:
    """Wait until a running sweep has committed so many hosts."""
    give_up = time.monotonic() + PATIENCE
    while done_hosts(store) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up, "the sweep does not get on"
        time.sleep(0.01)


@dataclass(frozen=True)
class Seen:
    """One run on a terminal: exit code, what the terminal showed, what went to the file on standard output."""

    code: int
    screen: str
    out: str


def on_terminal(
    line: Sequence[str], environment: dict[str, str], *, answers: Sequence[tuple[str, str]] = (), redirect: bool = False
) -> Seen:
    """Run a command on a terminal of its own; types each answer when its prompt is shown.

    With `redirect`, standard output goes to a file and the terminal shows standard error alone.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *line], stdin=slave, stdout=out if redirect else slave, stderr=slave,
            env={**environment, "TERM": "xterm"},
        )  # fmt: skip
        os.close(slave)
        try:
            shown = _converse(master, list(answers))
            code = process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            os.close(master)
        out.seek(0)
        return Seen(code, shown.decode("utf-8", "replace"), out.read().decode())


def _converse(master: int, answers: list[tuple[str, str]]) -> bytes:
    """Read until the terminal is closed by its last process."""
    shown, since = b"", 0
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: nobody has it open any more
            data = b""
        if not data:
            assert not answers, f"never asked for {answers[0][0]!r}: {shown!r}"
            return shown
        shown += data
        if answers and answers[0][0].encode() in shown[since:]:
            os.write(master, answers.pop(0)[1].encode() + b"\n")
            since = len(shown)
