"""Compares a file, or a value in it, with its JSON Schema, and says the first thing that is wrong in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hardencheck.baselines.document import Document, KeyPath
from hardencheck.baselines.schemas import published
from hardencheck.model import wording
from hardencheck.model.baseline import Value
from hardencheck.model.expectation import near, validator


def conform(document: Document, name: str) -> None:
    """Raise BaselineError at the first line that the published schema `name` refuses; unknown keys come first."""
    errors = [(_path(error), error) for error in _validator(name).iter_errors(document.data)]
    if not errors:
        return
    path, error = min(errors, key=lambda each: (each[1].kind.name != "additionalProperties", document.line(each[0])))
    raise document.error(_words(error, published(name)), path)


def check_value(value: Value, given: Any, document: Document, path: KeyPath) -> None:
    """Raise BaselineError when what is given for a value does not meet the value's own schema."""
    if not validator(dict(value.schema)).is_valid(given):
        message = f"must be {_expected(value.schema)}, not {wording.shown(given)}"
        raise document.error(message, path, hint=f"the value means: {value.title}")


@cache
def _validator(name: str) -> Any:
    return validator(published(name))


def _path(error: Any) -> KeyPath:
    """Return the path of the key that is at fault, which for unknown and badly named keys is below the instance."""
    path: KeyPath = tuple(error.instance_path)
    if error.kind.name == "additionalProperties":
        return (*path, error.kind.as_dict()["unexpected"][0])
    if error.kind.name == "propertyNames":
        return (*path, error.kind.as_dict()["error"].instance)
    return path


def _words(error: Any, schema: Mapping[str, Any]) -> str:
    kind, detail = error.kind.name, error.kind.as_dict()
    at: Any = schema
    for step in error.schema_path[: error.schema_path.index("propertyNames") + 1 if kind == "propertyNames" else -1]:
        at = at[step]
    if kind == "additionalProperties":
        return f"is not a key here{near(detail['unexpected'][0], at.get('properties', {}))}"
    if kind == "required":
        return f"needs the key {detail['property']!r}"
    if kind == "minProperties":
        return "must not be empty"
    if kind == "propertyNames":
        return f"is not a good name; names are {wording.expected(at)}"
    if kind == "anyOf":
        return f"cannot be {wording.shown(error.instance)}"
    return f"must be {_expected(at)}, not {wording.shown(error.instance)}"


def _expected(schema: Mapping[str, Any]) -> str:
    if schema.get("pattern") == r"\S":
        return "a text that is not empty"
    types = schema.get("type", "")
    words = wording.expected(schema)
    kind = wording.expected({"type": types}) if types else ""
    return words if not kind or words == kind or types in ("integer", "number") else f"{kind}: {words}"
