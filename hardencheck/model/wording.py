"""JSON values and expectations in plain words: `found 8`, `expected at least 15`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

#: how many items of a list, and how many characters of a text, a sentence shows
MAX_ITEMS = 20
MAX_TEXT = 300

#: what stands in the place of a word that a reader may not know
WITHHELD = "[withheld]"

_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "yes or no",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def shown(value: Any) -> str:
    """Say a JSON value in words; characters that a terminal would act on are escaped, long ones are cut."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return _list(value) if value else "none"
    if isinstance(value, Mapping):
        return shown(json.dumps(value, sort_keys=True, ensure_ascii=False))
    if value == "":
        return "an empty text"
    text = str(value)
    cut = text[:MAX_TEXT] + "…" if len(text) > MAX_TEXT else text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def capped(items: Sequence[Any]) -> list[Any]:
    """Return at most MAX_ITEMS items; one more, a text, says how many were left out."""
    left_out = len(items) - MAX_ITEMS
    return [*items[:MAX_ITEMS], f"and {left_out} more"] if left_out > 0 else list(items)


def expected(schema: Mapping[str, Any]) -> str:
    """Say in words what the keywords of an expectation ask for; `$value` must be resolved."""
    parts = [
        part
        for part in (
            _constants(schema),
            _range(schema),
            _size(schema, ("minLength", "maxLength"), "character"),
            f"a text that matches {shown(schema['pattern'])}" if "pattern" in schema else "",
            "" if _says_it_all(schema) else _size(schema, ("minItems", "maxItems"), "item"),
            _items(schema["items"]) if "items" in schema else "",
            _contains(schema["contains"]) if "contains" in schema else "",
            f"anything but {expected(schema['not'])}" if "not" in schema else "",
            " or ".join(expected(branch) for branch in schema.get("anyOf", ())),
        )
        if part
    ]
    types = schema.get("type", ())
    types = [types] if isinstance(types, str) else types
    if not parts:
        return " or ".join(_TYPES[name] for name in types) or "a list without empty texts"
    return " and ".join(parts) + (" or nothing" if "null" in types else "")


def _says_it_all(schema: Mapping[str, Any]) -> bool:
    """Whether `only x` leaves nothing to add: that a list may not be empty goes without saying there."""
    only = set(schema.get("items", ())) in ({"const"}, {"enum"})
    return only and schema.get("minItems") == 1 and "maxItems" not in schema


def _list(items: Sequence[Any]) -> str:
    words = [shown(item) for item in items[:MAX_ITEMS]]
    left_out = len(items) - MAX_ITEMS
    return ", ".join(words) + (f" and {left_out} more" if left_out > 0 else "")


def _constants(schema: Mapping[str, Any]) -> str:
    words = [shown(schema["const"])] if "const" in schema else []
    if "enum" in schema:
        members = schema["enum"]
        words.append(f"one of {_list(members)}" if len(members) > 1 else shown(members))
    return " and ".join(words)


def _range(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    words = []
    if low is not None and high is not None:
        words.append(f"exactly {low}" if low == high else f"between {low} and {high}")
    elif low is not None:
        words.append(f"at least {low}")
    elif high is not None:
        words.append(f"at most {high}")
    if "exclusiveMinimum" in schema:
        words.append(f"more than {schema['exclusiveMinimum']}")
    if "exclusiveMaximum" in schema:
        words.append(f"less than {schema['exclusiveMaximum']}")
    return " and ".join(words)


def _size(schema: Mapping[str, Any], keys: tuple[str, str], noun: str) -> str:
    low, high = schema.get(keys[0]), schema.get(keys[1])
    if high == 0:
        return "none" if noun == "item" else "an empty text"
    if low is None and high is None:
        return ""
    words = _range({name: size for name, size in (("minimum", low), ("maximum", high)) if size is not None})
    return f"{words} {noun}{'' if (low if high is None else high) == 1 else 's'}"


def _items(schema: Mapping[str, Any]) -> str:
    if set(schema) == {"enum"}:
        return f"only {_list(schema['enum'])}" if schema["enum"] else "none"
    if set(schema) == {"const"}:
        return f"only {shown(schema['const'])}"
    if schema == {"minLength": 1}:
        return ""
    return f"every item {expected(schema)}"


def _contains(schema: Mapping[str, Any]) -> str:
    if set(schema) == {"enum"} and len(schema["enum"]) > 1:
        return f"a list with at least one of {_list(schema['enum'])}"
    return f"a list with {expected(schema)}"
