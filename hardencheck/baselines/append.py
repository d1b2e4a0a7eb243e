"""Appends an entry to a site's file and leaves every character that stands there alone, comments included."""

from __future__ import annotations

import fcntl
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hardencheck.baselines import document
from hardencheck.baselines.document import Document
from hardencheck.errors import BaselineError

_ITEM = re.compile(r"( *)- ")
_SAYS_SOMETHING = re.compile(rb"^[ \t]*[^\s#]", re.M)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is added: texts and lists of texts by name, and the comments above it."""

    body: Mapping[str, str | list[str]]
    comments: Sequence[str] = ()


class Addition(ABC):
    """What is to be added to a file of one kind."""

    #: the list that the entry goes into
    key: str

    @abstractmethod
    def entry(self, before: Document) -> Entry:
        """Return the entry, as it fits the file as it is."""

    @abstractmethod
    def check(self, after: Document) -> object:
        """Raise BaselineError when the file is not sound with the entry in it."""


def append(path: Path, addition: Addition) -> None:
    """Add an entry at the end of a YAML file, which is made when it is not there. Two commands at once wait in turn.

    Nothing is written unless the file, read again, holds what it held and the entry, and is sound: raises
    BaselineError.
    """
    made = not path.exists()
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                file.write(_text(file.read(), str(path), addition))
            except BaselineError:
                if made:
                    path.unlink()
                raise
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BaselineError(f"cannot be written: {(error.strerror or '').lower()}", path=str(path)) from None


def whole(key: str, entries: Iterable[Entry]) -> str:
    """Return a file that holds nothing but a list with these entries, as YAML."""
    lines = "".join(_lines(entry, "  ") for entry in entries)
    return f"{key}:\n{lines}" if lines else f"{key}: []\n"


def _text(content: bytes, path: str, addition: Addition) -> bytes:
    """Return the bytes to add to a file with this content."""
    key, begun = addition.key, b""
    if not _SAYS_SOMETHING.search(content):
        begun = f"{key}:\n".encode()
    if content and not content.endswith(b"\n"):
        begun = b"\n" + begun
    before = document.parse(content, path) if b":" not in begun else Document(path, {key: []})
    entry = addition.entry(before)
    try:
        new = begun + _lines(entry, _margin(before, key, content)).encode()
    except UnicodeEncodeError:
        raise BaselineError("an entry cannot be added: what was given for it is not UTF-8 text", path=path) from None
    try:
        after = document.parse(content + new, path)
    except BaselineError as error:
        hint = f"it must end with `{key}:` and its entries, one below the other, each beginning with `- `"
        raise BaselineError(f"an entry cannot be added at its end: {error.message}", path=path, hint=hint) from None
    addition.check(after)
    if after.data != {**before.data, key: [*before.data[key], entry.body]}:
        raise BaselineError(f"an entry cannot be added at its end: {key} does not end there", path=path)
    return new


def _margin(before: Document, key: str, content: bytes) -> str:
    """Return how far the entries of the list are indented: as the first one is, else by two."""
    at = (key, 0)
    found = _ITEM.match(content.decode("utf-8").split("\n")[before.lines[at] - 1]) if at in before.lines else None
    return found[1] if found else "  "


def _lines(entry: Entry, margin: str) -> str:
    lines = [f"{margin}# {comment}" for comment in entry.comments]
    for number, (name, value) in enumerate(entry.body.items()):
        bullet = "  " if number else "- "
        if isinstance(value, list):
            lines.append(f"{margin}{bullet}{name}:")
            lines += [f"{margin}    - {_quoted(item)}" for item in value]
        else:
            lines.append(f"{margin}{bullet}{name}: {_quoted(value)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Write a text in double quotes, which say the same in YAML as in JSON."""
    return json.dumps(text, ensure_ascii=False)
