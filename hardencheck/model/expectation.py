"""What a rule's `expect` means: JSON Schema 2020-12, closed over the types of the probe's facts.

JSON Schema is open by default: `"8"`, null and `{}` all satisfy a bare `minimum: 15`. So an expectation is never
compiled raw. Every fact that it names is required; its type comes from the probe's schema, narrowed to the types that
the keywords can judge; null is refused, at any depth, unless the expectation itself admits it (`const: null`, null in
an `enum`, "null" in a `type`, or a branch of `anyOf` that does).

Facts and values are JSON: dict, list, str, int, float, bool, None. Patterns are RE2 on both paths, so no pattern takes
more than linear time.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import re2

from hardencheck.model import wording
from hardencheck.model.baseline import Rule
from hardencheck.model.probe import JsonSchema

if TYPE_CHECKING:
    from jsonschema import ValidationError

Path = tuple[str | int, ...]

_NUMBERS = frozenset({"integer", "number"})
_STRINGS = frozenset({"string"})
_ARRAYS = frozenset({"array"})
_ANY: frozenset[str] = frozenset()
#: the keywords that an expectation may use, and the types that each can judge (empty: every type)
KEYWORDS: Mapping[str, frozenset[str]] = {
    "const": _ANY,
    "enum": _ANY,
    "type": _ANY,
    "anyOf": _ANY,
    "not": _ANY,
    "minimum": _NUMBERS,
    "maximum": _NUMBERS,
    "exclusiveMinimum": _NUMBERS,
    "exclusiveMaximum": _NUMBERS,
    "minLength": _STRINGS,
    "maxLength": _STRINGS,
    "pattern": _STRINGS,
    "minItems": _ARRAYS,
    "maxItems": _ARRAYS,
    "items": _ARRAYS,
    "contains": _ARRAYS,
}
_SUBSCHEMA = ("items", "contains", "not")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems")


class ExpectationError(ValueError):
    """An `expect` that cannot be judged; `path` leads to the key inside the rule, from `expect` on."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path

    @property
    def key(self) -> str:
        """The path as people write it: `expect.min_length.minimum`."""
        return ".".join(map(str, self.path))


@dataclass(frozen=True, slots=True)
class Compared:
    """One fact beside what was expected of it.

    `observed` is the fact, or only the offending items when the fault lies in items; a list is cut after 20 items,
    with a last one that says how many were left out. `sentence` reads `min_length: found 8, expected at least 15`.
    """

    fact: str
    observed: Any
    expected: str
    sentence: str


class Expectation:
    """A rule's `expect`, compiled against its probe's facts and a host's values; raises ExpectationError.

    jsonschema-rs decides; jsonschema is asked only which items of a list are at fault.
    """

    def __init__(self, rule: Rule, fact_schemas: Mapping[str, JsonSchema], values: Mapping[str, Any]) -> None:
        self.values = {name: values[name] for name in rule.values if name in values}
        self._resolved: dict[str, dict[str, Any]] = {}
        self._closed: dict[str, dict[str, Any]] = {}
        self._validators: dict[str, Any] = {}
        for fact, written in sorted(rule.expect.items()):  # sorted: the same order of reasons from file and snapshot
            path: Path = ("expect", fact)
            if fact not in fact_schemas:
                raise ExpectationError(f"{rule.probe} yields no such fact{near(fact, fact_schemas)}", path)
            self._resolved[fact] = _resolve(written, values, path)
            self._closed[fact] = _Closing(fact_schemas[fact]).close(self._resolved[fact], path)
            self._validators[fact] = validator(self._closed[fact])
        if not self._closed:
            raise ExpectationError("names no fact", ("expect",))

    def passes(self, facts: Any) -> bool:
        """Whether every expected fact is there and as expected; anything but a dict of facts is not."""
        if not isinstance(facts, Mapping):
            return False
        return all(name in facts and judge.is_valid(facts[name]) for name, judge in self._validators.items())

    def failures(self, facts: Mapping[str, Any]) -> tuple[Compared, ...]:
        """Return which of these facts are not as expected, by name; a fact that is not given is not judged."""
        return tuple(
            self._compared(name, facts[name], self._offending(name, facts[name]))
            for name, judge in self._validators.items()
            if name in facts and not judge.is_valid(facts[name])
        )

    def met(self, facts: Mapping[str, Any]) -> tuple[Compared, ...]:
        """Return which of these facts are as expected, in the same words."""
        return tuple(
            self._compared(name, facts[name], facts[name])
            for name, judge in self._validators.items()
            if name in facts and judge.is_valid(facts[name])
        )

    def _compared(self, fact: str, observed: Any, at_fault: Any) -> Compared:
        words = wording.expected(self._resolved[fact])
        sentence = f"{fact}: found {wording.shown(at_fault)}, expected {words}"
        return Compared(fact, wording.capped(at_fault) if isinstance(at_fault, list) else observed, words, sentence)

    def _offending(self, fact: str, observed: Any) -> Any:
        """Return the items at fault when nothing else is wrong with a list, else the whole fact."""
        if not isinstance(observed, list):
            return observed
        places = [tuple(error.absolute_path) for error in _explain(self._closed[fact], observed)]
        if not places or not all(places):
            return observed
        return [observed[index] for index in sorted({int(place[0]) for place in places})]


def validator(schema: dict[str, Any]) -> Any:
    """Return the jsonschema-rs validator of a schema, with RE2 for its patterns."""
    return jsonschema_rs.Draft202012Validator(schema, keywords={"pattern": _Pattern})


def value_ids(expect: Any) -> tuple[str, ...]:
    """Return the ids of the values that an `expect` reads through `$value`, sorted."""
    if isinstance(expect, Mapping):
        if "$value" in expect:
            return (str(expect["$value"]),)
        parts: Iterable[Any] = expect.values()
    else:
        parts = expect if isinstance(expect, list) else ()
    return tuple(sorted({name for part in parts for name in value_ids(part)}))


def _resolve(written: Any, values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the schema with each `{$value: id}`, which stands for all that a keyword says, replaced by that value."""
    if not isinstance(written, Mapping) or not written:
        raise ExpectationError("must be a mapping of JSON Schema keywords", path)
    resolved: dict[str, Any] = {}
    for keyword, value in written.items():
        here = (*path, keyword)
        if keyword not in KEYWORDS:
            raise ExpectationError(f"is not a keyword that rules may use{near(str(keyword), KEYWORDS)}", here)
        if keyword in _SUBSCHEMA:
            resolved[keyword] = _resolve(value, values, here)
        elif keyword == "anyOf":
            if not isinstance(value, list) or not value:
                raise ExpectationError("must be a list of JSON Schemas", here)
            resolved[keyword] = [_resolve(branch, values, (*here, index)) for index, branch in enumerate(value)]
        elif isinstance(value, Mapping) and "$value" in value:
            name = str(value["$value"])
            if set(value) != {"$value"} or name not in values:
                raise ExpectationError(f"no value {name!r}{near(name, values)}", here)
            resolved[keyword] = values[name]
        else:
            resolved[keyword] = value
    return resolved


class _Closing:
    """Closes one fact's expectation over the types of that fact."""

    def __init__(self, fact: JsonSchema) -> None:
        self.fact = fact
        self.types = _types(fact)

    def close(self, schema: dict[str, Any], path: Path, *, negated: bool = False) -> dict[str, Any]:
        """Return the schema with its types narrowed, and the parts that it does not name closed.

        Inside a `not` nothing is added: what makes a schema stricter would make its negation looser.
        """
        allowed = self.types - {"null"}
        closed = {}
        for keyword, value in schema.items():
            here = (*path, keyword)
            judged = KEYWORDS[keyword] or (self._typed(value, here) if keyword == "type" else self.types)
            if not judged & self.types:
                raise ExpectationError(f"does not apply to {_a(self.types)}", here)
            allowed &= judged
            closed[keyword] = self._keyword(keyword, value, here, negated)
        if "null" in self.types and _admits_null(schema) and validator(schema).is_valid(None):
            allowed |= {"null"}
        if not allowed:
            raise ExpectationError("these keywords cannot hold together for any type", path)
        if negated:
            return closed
        closed["type"] = sorted(allowed)
        return closed if {"const", "enum"} & set(schema) else {**_structure(self.fact, allowed), **closed}

    def _typed(self, value: Any, path: Path) -> frozenset[str]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or any(name not in list(self.types) for name in names):
            raise ExpectationError(f"must name types that the fact can have: {_a(self.types)}", path)
        return frozenset(names)

    def _keyword(self, keyword: str, value: Any, path: Path, negated: bool) -> Any:
        if keyword == "not":
            return self.close(value, path, negated=not negated)
        if keyword == "anyOf":
            return [self.close(branch, (*path, index), negated=negated) for index, branch in enumerate(value)]
        if keyword in ("items", "contains"):
            return _Closing(self.fact["items"]).close(value, path, negated=negated)
        if keyword == "const":
            self._member(value, path)
        elif keyword == "enum":
            for member in _listed(value, path):
                self._member(member, path)
        elif keyword == "pattern":
            regex(value, path)
        elif keyword in _COUNTS and (not _is_number(value) or value != int(value) or value < 0):
            raise ExpectationError(f"must be a whole number from 0 on, not {value!r}", path)
        elif KEYWORDS[keyword] == _NUMBERS and not _is_number(value):
            raise ExpectationError(f"must be a number, not {value!r}", path)
        return value

    def _member(self, value: Any, path: Path) -> None:
        if not jsonschema_rs.is_valid(dict(self.fact), value, draft=jsonschema_rs.Draft202012):
            raise ExpectationError(f"the fact can never be {value!r} (it is {_a(self.types)})", path)


def _structure(fact: JsonSchema, allowed: Iterable[str]) -> dict[str, Any]:
    """Return what the probe's schema says of a fact's parts, with null removed at every depth."""
    shape: dict[str, Any] = {}
    if "array" in allowed and "items" in fact:
        shape["items"] = _bare(fact["items"])
    if "object" in allowed:
        shape["properties"] = {name: _bare(part) for name, part in fact.get("properties", {}).items()}
        shape["required"] = sorted(shape["properties"])
        others = fact.get("additionalProperties", False)
        shape["additionalProperties"] = _bare(others) if isinstance(others, Mapping) else others
    return shape


def _bare(fact: JsonSchema) -> dict[str, Any]:
    types = _types(fact) - {"null"}
    return {"type": sorted(types), **_structure(fact, types)}


def _types(fact: JsonSchema) -> frozenset[str]:
    """Return the JSON types that a fact can have, from its `type`, else from its `enum` or `const`."""
    if "type" in fact:
        types = {fact["type"]} if isinstance(fact["type"], str) else set(fact["type"])
    else:
        types = {_type(member) for member in (fact["enum"] if "enum" in fact else [fact["const"]])}
    return frozenset(types | {"integer"} if "number" in types else types)


def _type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _admits_null(schema: Mapping[str, Any]) -> bool:
    """Whether an expectation says in so many words that null is good."""
    named = schema.get("type", ())
    return (
        ("const" in schema and schema["const"] is None)
        or None in schema.get("enum", ())
        or "null" in ([named] if isinstance(named, str) else named)
        or any(_admits_null(branch) for branch in schema.get("anyOf", ()))
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _listed(value: Any, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise ExpectationError(f"must be a list, not {value!r}", path)
    return value


def _a(types: Iterable[str]) -> str:
    return wording.expected({"type": sorted(types)})


def near(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean x?` to end a message with, or which names there are when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(names)}" if names else "; there are none"


@cache
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def regex(pattern: Any, path: Path) -> None:
    """Raise ExpectationError unless this is a pattern that RE2 takes."""
    if not isinstance(pattern, str):
        raise ExpectationError(f"must be a pattern, not {pattern!r}", path)
    try:
        _compiled(pattern)
    except re2.error as error:
        words = error.args[0].decode("utf-8", "replace") if error.args else "no reason given"
        raise ExpectationError(f"RE2 refuses the pattern {pattern!r}: {words}", path) from None


class _Pattern:
    """`pattern` for jsonschema-rs, by RE2: its own engine is not quite the same language."""

    def __init__(self, _schema: dict[str, Any], pattern: str, _path: list[str | int]) -> None:
        self._regex = _compiled(pattern)

    def validate(self, instance: Any) -> None:
        if isinstance(instance, str) and not self._regex.search(instance):
            raise ValueError(instance)


def _explain(schema: dict[str, Any], instance: Any) -> Iterable[ValidationError]:
    """Return the errors as jsonschema sees them."""
    errors: Iterable[ValidationError] = _explainer()(schema).iter_errors(instance)
    return errors


@cache
def _explainer() -> Any:
    """Return jsonschema's validator with RE2 for its patterns; imported only here, because judging rarely explains."""
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(_: Any, value: str, text: Any, _schema: Any) -> Iterable[ValidationError]:
        if isinstance(text, str) and not _compiled(value).search(text):
            yield ValidationError("no match")

    return validators.extend(Draft202012Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]
