"""`--report FORMAT:PATH`: a sweep in any number of formats, each a file, or a folder with a file for each host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from hardencheck.cli.output import note, write_whole
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

    found: list[Wanted] = []
    for word in words:
        name, colon, path = word.partition(":")
        known = ", ".join(formats.names())
        if not colon or not path:
            raise UsageError(
                f"--report {word}: expected FORMAT:PATH", hint=f"such as html:report.html; formats: {known}"
            )
        if name not in formats.names():
            raise UsageError(f"--report {word}: there is no format {name!r}", hint=f"formats: {known}")
        if path == "-":
            raise UsageError(f"--report {word}: a report is a file", hint="--format writes to standard output")
        # the shell leaves a tilde alone that does not begin its word
        wanted = Wanted(name, Path(path).expanduser())
        _require_place(wanted, word)
        if any(_same_place(wanted, other) for other in found):
            raise UsageError(f"--report {word}: another report is written there", hint="another path")
        found.append(wanted)
    return tuple(found)


def write(report: Report, wanted: Sequence[Wanted]) -> None:
    """Write every report; a file appears whole or not at all. Raises UsageError when one cannot be written.

    A folder holds one report: files of an earlier one in the same format, whose hosts are not in this one, go.
    """
    from hardencheck.report import formats

    for each in wanted:
        several = formats.per_host(each.format)
        names = set()
        try:
            for name, text in formats.files(each.format, report):
                path = each.path / name if several else each.path
                write_whole(path, text.encode("utf-8", "backslashreplace"))
                names.add(path.name)
            stale = [path for path in each.path.iterdir() if path.name not in names] if several else []
            for path in stale:
                if formats.named_by_us(each.format, path.name):
                    path.unlink()
                    note(f"{each.format} report: {path} of an earlier report is removed")
        except OSError as error:
            raise UsageError(f"--report {each.format}:{each.path}: {error.strerror}", hint="another path") from None
        note(f"{each.format} report: {each.path}")


def _require_place(wanted: Wanted, word: str) -> None:
    """Raise UsageError unless the report can be written where it is wanted; a folder that is missing is made."""
    from hardencheck.report import formats

    several, path = formats.per_host(wanted.format), wanted.path
    # a link, a pipe or a device would be replaced by the report, `/dev/stdout` for everybody
    there = path.is_dir() if several else path.is_file() and not path.is_symlink()
    if (path.exists() or path.is_symlink()) and not there:
        kind = "a folder, one file for each host" if several else "one file"
        raise UsageError(
            f"--report {word}: {wanted.format} is written to {kind}, and {path} is none", hint="another path"
        )
    folder = path if several else path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"--report {word}: nothing can be written to {folder}: {error.strerror}", hint="another path"
        ) from None


def _same_place(one: Wanted, other: Wanted) -> bool:
    """Whether two reports would overwrite each other; several formats may share a folder."""
    from hardencheck.report import formats

    shared = one.format != other.format and formats.per_host(one.format) and formats.per_host(other.format)
    return not shared and one.path.resolve() == other.path.resolve()
