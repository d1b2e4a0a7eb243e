"""The JSON Schemas of the files that people write: rule, baseline, tailoring, waivers. Editors can use them too."""

from __future__ import annotations

from typing import Any

from hardencheck.baselines.select import KINDS
from hardencheck.model.expectation import KEYWORDS
from hardencheck.model.outcome import Level, Platform, Severity

#: grows when a file that was good before is refused, or means something else
VERSION = 1

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_VALUE_ID = r"^[a-z][a-z0-9_]*$"
_TEXT = {"type": "string", "pattern": r"\S"}
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}


def _table(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _named(pattern: str, value: dict[str, Any], least: int = 0) -> dict[str, Any]:
    names = {"pattern": pattern}
    return {"type": "object", "propertyNames": names, "additionalProperties": value, "minProperties": least}


def _or_value(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"$ref": "#/$defs/value_of"}]}


def _expectation() -> dict[str, Any]:
    inner = {"$ref": "#/$defs/expectation"}
    number, count = _or_value(_NUMBER), _or_value(_COUNT)
    names = {"enum": ["integer", "number", "string", "boolean", "array", "object", "null"]}
    keywords: dict[str, Any] = {
        "const": {},
        "enum": _or_value({"type": "array"}),
        "type": {"anyOf": [names, {"type": "array", "items": names, "minItems": 1}]},
        "anyOf": {"type": "array", "items": inner, "minItems": 1},
        "pattern": _or_value({"type": "string"}),
        **dict.fromkeys(("not", "items", "contains"), inner),
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), number),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), count),
    }
    return {**_table({name: keywords[name] for name in KEYWORDS}), "minProperties": 1}


def _value_schema() -> dict[str, Any]:
    """Return the schema of a value's schema: it always says the type, so that "15" is not taken for 15."""
    scalar = {
        "type": {"enum": ["integer", "number", "string", "boolean"]},
        "minimum": _NUMBER,
        "maximum": _NUMBER,
        "minLength": _COUNT,
        "maxLength": _COUNT,
        "pattern": {"type": "string"},
        "enum": {"type": "array", "minItems": 1},
    }
    listing = {
        "type": {"const": "array"},
        "items": _table(scalar, "type"),
        "minItems": _COUNT,
        "maxItems": _COUNT,
        "uniqueItems": {"type": "boolean"},
    }
    is_list = {"properties": {"type": {"const": "array"}}, "required": ["type"]}
    return {"if": is_list, "then": _table(listing, "type", "items"), "else": _table(scalar, "type")}


_EXAMPLES = {"type": "array", "items": {"type": "object"}, "minItems": 1}
_EXPECT = _named(_VALUE_ID, {"$ref": "#/$defs/expectation"}, least=1)
_BOTH = _table({"pass": _EXAMPLES, "fail": _EXAMPLES}, "pass", "fail")
_LEVELS = _table({Level.LITERAL_STIG.value: _table({"expect": _EXPECT, "examples": _BOTH}, "expect", "examples")})
_REMEDIATION = _table(
    {
        "text": _TEXT,
        "playbook": {"type": "string", "pattern": r"^[a-z0-9_-]+/[a-z0-9_-]+\.yml$"},
        "risk": {"enum": ["safe", "restarts-service", "may-cut-access", "reboot"]},
        "manual": _TEXT,
    },
    "text",
    "risk",
)
_RULE = _table(
    {
        "id": {"type": "string", "pattern": _ID, "maxLength": 80},
        "title": {**_TEXT, "maxLength": 120},
        "severity": {"enum": [word.value for word in Severity]},
        "platforms": {"type": "array", "items": {"enum": [word.value for word in Platform]}, "minItems": 1},
        "probe": {"type": "string", "pattern": r"^[a-z]+(\.[a-z0-9_]+)+$"},
        "expect": _EXPECT,
        "rationale": _TEXT,
        "references": _named(r"^[a-z0-9][a-z0-9.-]*$", _TEXTS),
        "remediation": _REMEDIATION,
        "examples": _BOTH,
        "levels": {**_LEVELS, "minProperties": 1},
        "tags": {"type": "array", "items": {"type": "string", "pattern": _ID}, "uniqueItems": True},
        "since": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+$"},
    },
    *("id", "title", "severity", "platforms", "probe", "expect"),
    *("rationale", "references", "remediation", "examples", "since"),
)
_BASELINE = _table(
    {
        "id": {"type": "string", "pattern": _ID, "maxLength": 80},
        "title": _TEXT,
        "version": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        "description": _TEXT,
        "values": _named(
            _VALUE_ID,
            _table(
                {"title": _TEXT, "default": {}, "schema": {"$ref": "#/$defs/value_schema"}},
                *("title", "default", "schema"),
            ),
        ),
        "references": _named(r"^[a-z0-9][a-z0-9.-]*$", _TEXT),
        "level": {"enum": [word.value for word in Level]},
        "extends": {"type": "string", "pattern": r"\S"},
        "select": {**_table(dict.fromkeys(KINDS, _TEXTS)), "minProperties": 1},
        "defaults": _named(_VALUE_ID, {}, least=1),
    },
    *("id", "title", "version"),
)
_SCOPE = {"values": {"type": "object"}, "deselect": {"type": "object", "additionalProperties": _TEXT}}
_SCOPES = {"type": "object", "additionalProperties": _table(_SCOPE)}
_TAILORING = _table({**_SCOPE, "groups": _SCOPES, "hosts": _SCOPES})

_DAY = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_WAIVER = _table(
    {
        "id": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*$", "maxLength": 80},
        "rule": {"type": "string", "pattern": _ID},
        **{name: {**_TEXTS, "uniqueItems": True} for name in ("hosts", "groups", "clients")},
        **dict.fromkeys(("reason", "ticket", "requester", "approver", "compensating_control"), _TEXT),
        "granted": _DAY,
        "expires": _DAY,
        "observed": {"type": "array", "items": {"type": "string", "pattern": r"^[0-9a-f]{64}$"}, "minItems": 1},
    },
    *("id", "rule", "reason", "ticket", "requester", "approver"),
    *("granted", "expires", "compensating_control", "observed"),
)
_WAIVERS = _table({"waivers": {"type": "array", "items": _WAIVER}}, "waivers")

_ATTESTATION = _table(
    {
        "control": {"type": "string", "pattern": _ID},
        "by": _TEXT,
        "on": _DAY,
        "evidence": _TEXT,
        "sha256": {"type": "string", "pattern": r"^[0-9a-f]{64}$"},
    },
    *("control", "by", "on", "evidence", "sha256"),
)
_ATTESTATIONS = _table({"attestations": {"type": "array", "items": _ATTESTATION}}, "attestations")

_DEFINITIONS = {
    "rule": {
        "expectation": _expectation(),
        "value_of": _table({"$value": {"type": "string", "pattern": _VALUE_ID}}, "$value"),
    },
    "baseline": {"value_schema": _value_schema()},
    "tailoring": {},
    "waivers": {},
    "attestations": {},
}
_BODIES = {
    "rule": _RULE,
    "baseline": _BASELINE,
    "tailoring": _TAILORING,
    "waivers": _WAIVERS,
    "attestations": _ATTESTATIONS,
}

#: the kinds of file that have a published schema
NAMES = tuple(_BODIES)


def published(name: str) -> dict[str, Any]:
    """Return the JSON Schema of one kind of file (one of NAMES); raises KeyError for another name."""
    return {
        "$schema": _DRAFT,
        "$id": f"urn:hardencheck:schema:{name}:{VERSION}",
        "title": f"hardencheck {name} file, version {VERSION}",
        **_BODIES[name],
        "$defs": _DEFINITIONS[name],
    }
