"""Writing results to standard output, and progress to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.sweep import HostResult


def emit(text: str) -> None:
    """Write a result; a reader that went away (`| head`) does not change the exit code."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """Write one line for people to standard error; a reader that went away (`2>&1 | head`) changes nothing."""
    _write(sys.stderr, f"{text}\n")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def progress(total: int, quiet: bool) -> Iterator[Callable[[HostResult], None]]:
    """Yield what to call for each host that is done; draws a bar on standard error when that is a terminal."""
    if quiet or not sys.stderr.isatty():
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
