"""Writing results to standard output, and progress to standard error."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from hardencheck.errors import HardencheckError
from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.sweep import HostResult


def emit(text: str) -> None:
    """Write a result; a reader that went away (`| head`) does not change the exit code. Raises HardencheckError."""
    if error := _write(sys.stdout, text):
        raise HardencheckError(
            f"standard output cannot be written: {error.strerror}",
            reason="output",
            hint="what was stored is kept; hardencheck report shows it again",
        )


def note(text: str) -> None:
    """Write one line for people to standard error; a reader that went away (`2>&1 | head`) changes nothing."""
    _write(sys.stderr, f"{text}\n")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place under a name that nobody can have prepared, and put it there in one step.

    Raises OSError; then what was there before is there still.
    """
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(content)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _write(stream: TextIO | None, text: str) -> OSError | None:
    """Write and return what kept it from being written; a stream that is closed, or was never open, is no error.

    What the locale's character set lacks is spelt out (`\\xfc`): a name must neither break a report nor become `?`.
    """
    if stream is None:
        return None
    if stream.encoding:
        text = text.encode(stream.encoding, "backslashreplace").decode(stream.encoding)
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # what is left in the buffer would fail once more when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return None if isinstance(error, BrokenPipeError) else error
    return None


@contextmanager
def progress(total: int, quiet: bool) -> Iterator[Callable[[HostResult], None]]:
    """Yield what to call for each host that is done; draws a bar on standard error when that is a terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("sweeping"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failing]} failing, {task.fields[unreachable]} unreachable"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, failing=0, unreachable=0)
        counts = {"failing": 0, "unreachable": 0}

        def advance(host: HostResult) -> None:
            counts["failing"] += any(result.outcome is Outcome.FAIL for result in host.results)
            counts["unreachable"] += host.state is HostState.UNREACHABLE
            bar.update(task, advance=1, failing=counts["failing"], unreachable=counts["unreachable"])

        yield advance
