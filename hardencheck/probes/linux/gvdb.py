"""GVDB, the binary format of compiled dconf databases (gvdb-format.h, gvdb-reader.c).

A file is a header (signature, version, options, root table) and hash tables whose items name their parent, so that a
key is spelt from its parents' names. Numbers of the format itself are little endian; the signature tells the byte order
of the values. A value is a GVariant of type `v`: its bytes, a NUL, its type.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = struct.Struct("<8sIIII")
_TABLE = struct.Struct("<II")
_ITEM = struct.Struct("<IIIHcxII")
_ROOT = 0xFFFFFFFF
_NUMBERS = {"y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}


class Malformed(ValueError):
    """These bytes are not a GVDB file, or not a whole one."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value with GVariant's name of its type: a setting of another type than its schema says counts as not set.

    `content` is None for types that nobody asks for.
    """

    type: str
    content: bool | int | float | str | None

    def __str__(self) -> str:
        text = str(self.content).lower() if isinstance(self.content, bool) else str(self.content)
        return {"b": text, "s": f"'{text}'", "i": text, "u": f"uint32 {text}"}.get(self.type, f"{self.type} {text}")


Item = tuple[str, bytes]


class Table:
    """One hash table: its items by their full key. Raises Malformed at any offset outside of the file."""

    def __init__(self, data: bytes, start: int, end: int, order: str) -> None:
        self._data, self._order, self._items = data, order, dict(_items(data, start, end))

    @property
    def keys(self) -> frozenset[str]:
        """The keys that hold a value."""
        return frozenset(key for key, (kind, _) in self._items.items() if kind == "v")

    def value(self, key: str) -> Value | None:
        """Return the value of a key, None when the table has none."""
        kind, body = self._items.get(key, ("", b""))
        return _variant(body, self._order) if kind == "v" else None

    def table(self, key: str) -> Table | None:
        """Return the table that lies under a key, None when there is none."""
        kind, body = self._items.get(key, ("", b""))
        if kind != "H":
            return None
        start, end = struct.unpack("<II", body)
        return Table(self._data, start, end, self._order)


def read(data: bytes) -> Table:
    """Return the root table of a file's bytes; raises Malformed."""
    if len(data) < _HEADER.size:
        raise Malformed("shorter than a header")
    signature, version, _, start, end = _HEADER.unpack_from(data)
    order = {b"GVariant": "<", b"raVGtnai": ">"}.get(signature, "")
    if not order or version:
        raise Malformed("no GVDB signature")
    return Table(data, start, end, order)


def _part(data: bytes, start: int, end: int) -> bytes:
    if not 0 <= start <= end <= len(data):
        raise Malformed("an offset lies outside of the file")
    return data[start:end]


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[str, Item]]:
    """Yield key, type and content (the two offsets of a table) of each item."""
    body = _part(data, start, end)
    if len(body) < _TABLE.size:
        raise Malformed("a table is shorter than its header")
    bloom, buckets = _TABLE.unpack_from(body)
    begin = _TABLE.size + 4 * ((bloom & 0x7FFFFFF) + buckets)
    count, rest = divmod(len(body) - begin, _ITEM.size)
    if begin > len(body) or rest:
        raise Malformed("a table does not hold whole items")
    rows = [_ITEM.unpack_from(body, begin + index * _ITEM.size) for index in range(count)]
    names: list[tuple[bytes, int]] = []
    for _, parent, key, size, *_ in rows:
        names.append((_part(data, key, key + size), parent))
    for index, (_, _, _, _, kind, first, last) in enumerate(rows):
        content = _part(data, first, last)
        yield (
            _spell(names, index),
            (kind.decode("latin-1"), struct.pack("<II", first, last) if kind == b"H" else content),
        )


def _spell(names: list[tuple[bytes, int]], index: int) -> str:
    """Return an item's full key; a chain of parents that does not end is malformed."""
    parts: list[bytes] = []
    while index != _ROOT:
        if index >= len(names) or len(parts) > 64:
            raise Malformed("an item's parents do not end")
        name, index = names[index]
        parts.append(name)
    return b"".join(reversed(parts)).decode("utf-8", "backslashreplace")


def _variant(body: bytes, order: str) -> Value:
    content, separator, kind = body.rpartition(b"\0")
    name = kind.decode("latin-1")
    if not separator or not name:
        raise Malformed("a value has no type")
    if name == "b" and content in (b"\0", b"\1"):
        return Value(name, content == b"\1")
    if name in ("s", "o", "g") and content.endswith(b"\0"):
        return Value(name, content[:-1].decode("utf-8", "backslashreplace"))
    if name in _NUMBERS:
        number = struct.Struct(order + _NUMBERS[name])
        if number.size != len(content):
            raise Malformed(f"a value of type {name} has {len(content)} bytes")
        return Value(name, number.unpack(content)[0])
    return Value(name, None)
