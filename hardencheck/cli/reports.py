"""`--report FORMAT:PATH`: a sweep in any number of formats, each a file, or a folder with a file for each host."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hardencheck.cli.output import note
from hardencheck.errors import UsageError

if TYPE_CHECKING:
    from hardencheck.model.report import Report


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report that was asked for."""

    format: str
    path: Path


def parse(words: Sequence[str] | None) -> tuple[Wanted, ...]:
    """Return what `--report` asks for; raises UsageError before a sweep begins, not after it."""
    if not words:
        return ()
    from hardencheck.report import formats

    found = []
    for word in words:
        name, colon, path = word.partition(":")
        known = ", ".join(formats.names())
        if not colon or not path:
            raise UsageError(
                f"--report {word}: expected FORMAT:PATH", hint=f"such as html:report.html; formats: {known}"
            )
        if name not in formats.names():
            raise UsageError(f"--report {word}: there is no format {name!r}", hint=f"formats: {known}")
        wanted = Wanted(name, Path(path))
        folder = wanted.path if formats.per_host(name) else wanted.path.parent
        if wanted.path.exists() and wanted.path.is_dir() is not formats.per_host(name):
            kind = "a folder, one file for each host" if formats.per_host(name) else "one file"
            raise UsageError(f"--report {word}: {name} is written to {kind}, and {path} is none", hint="another path")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"--report {word}: {folder} cannot be made: {error.strerror}", hint="another path"
            ) from None
        found.append(wanted)
    return tuple(found)


def write(report: Report, wanted: Sequence[Wanted]) -> None:
    """Write every report; a file appears whole or not at all. Raises UsageError when one cannot be written."""
    from hardencheck.report import formats

    for each in wanted:
        whole = each.path if formats.per_host(each.format) else each.path.parent
        try:
            for name, text in formats.files(each.format, report):
                path = whole / name if formats.per_host(each.format) else each.path
                beside = path.with_name(f".{path.name}.{os.getpid()}")
                beside.write_bytes(text.encode("utf-8", "backslashreplace"))
                beside.replace(path)
        except OSError as error:
            raise UsageError(f"--report {each.format}:{each.path}: {error.strerror}", hint="another path") from None
        note(f"{each.format} report: {each.path}")
