r"""What the sections of a Windows probe print: one line of ASCII JSON per item.

    {"i": NAME, "ok": true, "v": VALUE}
    {"i": NAME, "ok": false, "t": EXCEPTION TYPE, "h": HRESULT, "q": ERROR ID, "c": CATEGORY, "e": MESSAGE}
    {"i": "@end"}                                       the last one: the section ran to its end

`ConvertTo-Json` of Windows PowerShell 5.1 has shapes of its own (a list of one is an object, some lists come as
`{"value": [...], "Count": n}`, enumerations are numbers, texts of other languages are not ASCII). The functions
of `hardencheck.probes.prelude` avoid them on the host; the functions here accept them all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture

#: The last command of every section: a script that stopped before its end has no such item, and is not read.
END_OF_SECTION = '\'{"i":"@end"}\''

#: CIM's own code is in the error's identifier: as exceptions, all of its errors have the same HRESULT
_HRESULT = re.compile(r"HRESULT 0x([0-9a-fA-F]{8})(?:,|\Z)")

_REFUSED = frozenset({"System.UnauthorizedAccessException", "System.Security.SecurityException"})


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a section: its value, or the failure that stands in its place.

    `error` is the exception's type ("" when there is none), `code` its HRESULT or CIM's, as an unsigned number.
    """

    name: str
    value: Any = None
    error: str = ""
    code: int = 0
    category: str = ""

    @property
    def ok(self) -> bool:
        """Whether the host could answer."""
        return not self.error

    @property
    def trouble(self) -> str:
        """Say why there is no value, in words that depend on no language of the host."""
        if self.error in _REFUSED or self.category == "PermissionDenied":
            return f"{self.name}: the host refused access"
        return f"{self.name}: {self.error.rpartition('.')[2]} 0x{self.code:08x}"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a registry key: `data` is an unsigned number, a text or a list of texts.

    `kind` is one of DWord, QWord, String, ExpandString, MultiString, Binary, None. `policy` names the group policy
    that set it ("" when none is known): a GPO's distinguished name, or LocalGPO.
    """

    kind: str
    data: int | str | tuple[str, ...] | None
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """One registry key below HKLM (or HKU): whether it exists, its values by lower-case name, and its keys' names.

    `names` holds the names of all its values, `texts` what its keys say under one name; both only when asked for.
    `left_out` is how many values the host was told not to send, by what they hold.
    """

    path: str
    exists: bool
    values: Mapping[str, Value] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    texts: tuple[str, ...] | None = None
    left_out: int = 0

    def get(self, name: str) -> Value | None:
        """Return a value by name, whatever its case; None when the key or the value is absent."""
        return self.values.get(name.lower())


@dataclass(frozen=True, slots=True)
class Section:
    """The items of one section by name."""

    items: Mapping[str, Item]

    def item(self, name: str) -> Item:
        """Return an item; raises CaptureUnreadable when the section lacks it."""
        try:
            return self.items[name]
        except KeyError:
            raise CaptureUnreadable(f"the section has no item {name!r}") from None

    def key(self, name: str) -> Key | Item:
        """Return an item's registry key, or the item that says why not; raises CaptureUnreadable when it holds none."""
        item = self.item(name)
        return _key(item) if item.ok else item


def read(capture: Capture) -> Section:
    """Split a section into its items; raises CaptureUnreadable when it is not what the functions above write."""
    items: dict[str, Item] = {}
    lines = capture.stdout.decode("ascii", "replace").split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines or _line(lines.pop()) != {"i": "@end"}:
        said = capture.stderr.decode("ascii", "replace")[:300]
        raise CaptureUnreadable(f"the script did not run to its end{f' ({said})' if said else ''}")
    for line in lines:
        item = _item(_line(line))
        if item.name in items:
            raise CaptureUnreadable(f"the section has two items {item.name!r}")
        items[item.name] = item
    return Section(items)


def as_list(value: Any) -> list[Any]:
    """Return a list in any of the shapes that ConvertTo-Json gives it; null is an empty one."""
    if isinstance(value, dict) and set(value) == {"value", "Count"}:
        value = value["value"]
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def as_bool(value: Any) -> bool | None:
    """Return a truth that may come as true, 1 or "True"; None for anything else, 2 (not configured) among it."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return bool(value) if isinstance(value, bool) or value in (0, 1) else None


def as_int(value: Any) -> int | None:
    """Return a whole number that may come as a text of ASCII digits; None for anything else, truths among it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20 else None


def as_text(value: Any) -> str | None:
    """Return a text; None for anything else."""
    return value if isinstance(value, str) else None


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise CaptureUnreadable("a line of the section is not JSON") from None


def _item(body: Any) -> Item:
    if not isinstance(body, dict) or not isinstance(body.get("i"), str) or not isinstance(body.get("ok"), bool):
        raise CaptureUnreadable("a line of the section is no item")
    if body["ok"]:
        return Item(body["i"], body.get("v"))
    told = _HRESULT.match(str(body.get("q", "")))
    code = int(told[1], 16) if told else as_int(body.get("h")) or 0
    return Item(body["i"], None, str(body.get("t") or "an error"), code & 0xFFFFFFFF, str(body.get("c", "")))


def _key(item: Item) -> Key:
    body = item.value
    if not isinstance(body, dict) or not isinstance(body.get("exists"), bool) or not isinstance(body.get("path"), str):
        raise CaptureUnreadable(f"the item {item.name!r} is no registry key")
    if not body["exists"]:
        return Key(body["path"], exists=False)
    values = body.get("values")
    if not isinstance(values, dict) or not all(isinstance(about, dict) for about in values.values()):
        raise CaptureUnreadable(f"the item {item.name!r} has no values")
    return Key(
        body["path"],
        True,
        {name.lower(): _value(about) for name, about in values.items()},
        tuple(str(name) for name in as_list(body.get("keys"))),
        _texts(body, "names"),
        _texts(body, "texts"),
        as_int(body.get("left")) or 0,
    )


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    return tuple(str(text) for text in as_list(body[name])) if name in body else None


def _value(body: Mapping[str, Any]) -> Value:
    kind, data, policy = str(body.get("k", "")), body.get("v"), str(body.get("s") or "")
    if kind == "MultiString":
        return Value(kind, tuple(str(text) for text in as_list(data)), policy)
    if kind in ("DWord", "QWord"):
        number = as_int(data)
        return Value(kind, None if number is None else number & (2 ** (32 if kind == "DWord" else 64) - 1), policy)
    return Value(kind, as_text(data), policy)
