"""A strict YAML reader: the scalar types of YAML 1.2 core, no tricks, and the line of every key.

Refused: anchors, aliases, tags, directives, merge keys, a key given twice, keys that are not text, a second document,
control and invisible characters (in comments too), numbers that JSON does not have, and anything beyond the limits
below. A rule or a site's file may come from someone else: reading it runs nothing, and costs no more than its size.
"""

from __future__ import annotations

import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from hardencheck.errors import BaselineError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 100_000
MAX_DIGITS = 18

KeyPath = tuple[str | int, ...]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
#: terminals act on the first; the second make text read otherwise than it is stored ("Trojan source", CVE-2021-42574);
#: the third cannot be seen, or end a line for the parser only, so that a comment could hide a key
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u200b\u2028\u2029\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file as JSON values; `lines` maps the path of each key and list item to its line."""

    path: str
    data: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """Return the line of the key at this path, or of the nearest one above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, message: str, path: KeyPath = (), hint: str | None = None) -> BaselineError:
        """Return the error that names this file, the line and the key."""
        return BaselineError(message, path=self.path, line=self.line(path), key=dotted(path) or None, hint=hint)


def dotted(path: KeyPath) -> str:
    """Write a path as people do: `examples.pass.0.min_length`."""
    return ".".join(map(str, path))


def read(path: Path) -> Document:
    """Read one file whose top is a mapping; raises BaselineError with file, line and key."""
    name = str(path)
    try:
        if not path.is_file():
            raise BaselineError("is not there or is not a regular file", path=name)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BaselineError(f"cannot be read: {error.strerror}", path=name) from None
    return parse(content, name)


def parse(content: bytes, path: str) -> Document:
    """Read YAML whose top is a mapping; `path` is what errors call it."""
    if len(content) > MAX_BYTES:
        raise BaselineError(f"is larger than {MAX_BYTES // 1024} KiB", path=path)
    content = content.removeprefix(BOM_UTF8)  # as Notepad writes it
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BaselineError("is not UTF-8 text", path=path, line=line, hint="save the file as UTF-8") from None
    text = text.replace("\r\n", "\n")
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise BaselineError(_holds(found), path=path, line=line)
    reader = _Reader(text, path)
    try:
        data = reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise BaselineError(f"is not YAML: {error.problem or error.context}", path=path, line=line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BaselineError(f"is not YAML: {error.reason}", path=path, line=line) from None
    if not isinstance(data, dict):
        raise BaselineError("must be a mapping with `key: value` lines", path=path, line=1)
    return Document(path, data, reader.lines)


class _Reader:
    """Builds JSON values from the events of the C parser, so that nothing is built before it was judged."""

    def __init__(self, text: str, path: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._path = path
        self._nodes = 0
        self.lines: dict[KeyPath, int] = {}

    def document(self) -> Any:
        next(self._events)  # the start of the stream
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            return None
        if start.version or start.tags:
            self._refuse("directives (%YAML, %TAG) are not supported", start)
        data = self._node(next(self._events), ())
        next(self._events)  # the end of the document
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            self._refuse("holds a second document", more)
        return data

    def _node(self, event: Any, path: KeyPath) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse(f"holds more than {MAX_NODES} values", event)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse("anchors and aliases (&name, *name) are not supported; write the value out", event, path)
        if event.tag is not None:
            self._refuse(f"tags ({event.tag}) are not supported", event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= MAX_DEPTH:
            self._refuse(f"is nested deeper than {MAX_DEPTH} levels", event)
        return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)

    def _sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self.lines[here] = event.start_mark.line + 1
            items.append(self._node(event, here))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, path) if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) else None
            if not isinstance(key, str):
                self._refuse("a key must be text; a number, true, false or null needs quotes", event, path)
            if key == "<<":
                self._refuse("merge keys (<<) are not supported; write the keys out", event, path)
            if key in pairs:
                self._refuse("is given twice", event, (*path, key))
            here = (*path, key)
            self.lines[here] = event.start_mark.line + 1
            pairs[key] = self._node(next(self._events), here)
        return pairs

    def _scalar(self, event: Any, path: KeyPath) -> Any:
        text = event.value
        if event.style:  # quoted or a block
            return self._text(text, event, path)
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _NOT_JSON.fullmatch(text):
            self._refuse(f"{text} is not a number that JSON has", event, path)
        number = _number(text)
        if number is None:
            return self._text(text, event, path)
        if len(text) > MAX_DIGITS or not math.isfinite(number):
            self._refuse(f"a number has at most {MAX_DIGITS} characters; text needs quotes", event, path)
        return number

    def _text(self, text: str, event: Any, path: KeyPath) -> str:
        if found := _CONTROL.search(text):
            self._refuse(_holds(found), event, path)
        return text

    def _refuse(self, message: str, event: Any, path: KeyPath = ()) -> NoReturn:
        raise BaselineError(message, path=self._path, line=event.start_mark.line + 1, key=dotted(path) or None)


def _holds(found: re.Match[str]) -> str:
    return f"holds the control character U+{ord(found[0]):04X}"


def _number(text: str) -> int | float | None:
    if _DECIMAL.fullmatch(text):
        return int(text) if len(text) <= MAX_DIGITS else math.inf
    for base, pattern in ((8, _OCTAL), (16, _HEX)):
        if pattern.fullmatch(text):
            return int(text, base) if len(text) <= MAX_DIGITS else math.inf
    return float(text) if _FLOAT.fullmatch(text) else None
