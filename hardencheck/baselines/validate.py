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
from hardencheck.model.probe import Probe


def conform(document: Document, name: str) -> None:
    """Raise BaselineError at the first line that the published schema `name` refuses; unknown keys come first."""
    errors = [(_path(error), error) for error in _validator(name).iter_errors(document.data)]
    if not errors:
        return
    path, error = min(errors, key=lambda each: (each[1].kind.name != "additionalProperties", document.line(each[0])))
    raise document.error(_words(error, published(name)), path)


def check_value(value: Value, given: Any, document: Document, path: KeyPath) -> None:
    """Raise BaselineError when what is given for a value does not meet the value's own schema."""
    for error in validator(dict(value.schema)).iter_errors(given):
        hint = f"the value means: {value.title}"
        raise document.error(_words(error, value.schema), (*path, *error.instance_path), hint)


def unfit(name: str, given: Any, probe: Probe) -> str:
    """Say why a probe cannot use what is given for a value that it reads; "" when it can, or does not read it."""
    if name not in probe.parameters:
        return ""
    for error in validator(dict(probe.parameters[name])).iter_errors(given):
        return f"{probe.id} cannot use it: {_words(error, probe.parameters[name])}"
    return ""


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
    steps = error.schema_path
    *parents, keyword = steps[: steps.index("propertyNames") + 1] if kind == "propertyNames" else steps
    at: Any = schema
    for step in parents:
        at = at[step]
    if kind == "additionalProperties":
        return f"is not a key here{near(detail['unexpected'][0], at.get('properties', {}))}"
    if kind == "required":
        return f"needs the key {detail['property']!r}"
    if kind == "minProperties":
        return "must not be empty"
    if kind == "propertyNames":
        return f"is not a good name; a name is {wording.expected(at[keyword])}"
    if kind == "uniqueItems":
        return "names an item twice"
    if kind == "anyOf":
        return f"must be {' or '.join(map(_expected, at['anyOf']))}, not {_given(error.instance)}"
    verb = "have" if keyword in ("minItems", "maxItems", "minLength", "maxLength") else "be"
    return f"must {verb} {_expected({keyword: at[keyword]})}, not {_given(error.instance)}"


def _expected(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return "{$value: name}"
    return "a text that is not empty" if schema.get("pattern") == r"\S" else wording.expected(schema)


def _given(value: Any) -> str:
    """Say what was written; a text in quotes, so that "15" is seen not to be 15."""
    return f'"{wording.shown(value)}"' if isinstance(value, str) and value else wording.shown(value)
