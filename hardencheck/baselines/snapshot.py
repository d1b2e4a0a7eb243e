"""A baseline as canonical bytes: what a sweep was judged by, kept in the store so that it can be judged again.

The bytes hold everything that judging reads, tailoring included. Their SHA-256 is the baseline's digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from hardencheck.model.baseline import Baseline, Expected, Remediation, Rule, Tailoring, TailoringScope, Value
from hardencheck.model.codec import canonical, loads
from hardencheck.model.outcome import Level, Platform, Severity

#: grows when an older hardencheck could not read the bytes
FORMAT = 1


def to_bytes(baseline: Baseline) -> bytes:
    """Encode canonically: sorted keys, no spaces, UTF-8."""
    body = asdict(baseline)
    for rule in body["rules"]:
        if rule["remediation"]["manual"] is None:
            del rule["remediation"]["manual"]  # what older snapshots do not have must not change their bytes
    return canonical({"format": FORMAT, "baseline": body})


def from_bytes(data: bytes) -> Baseline:
    """Decode what `to_bytes` wrote; raises ValueError for anything else."""
    body = loads(data)
    try:
        if body["format"] != FORMAT:
            raise ValueError(f"the baseline has format {body['format']!r}, this hardencheck reads {FORMAT}")
        baseline = _baseline(body["baseline"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the snapshot of a baseline: {error!r}") from None
    if to_bytes(baseline) != data:
        raise ValueError("not the canonical snapshot of a baseline")
    return baseline


def _baseline(body: Mapping[str, Any]) -> Baseline:
    return Baseline(
        **{
            **body,
            "values": {name: Value(**value) for name, value in body["values"].items()},
            "rules": tuple(_rule(rule) for rule in body["rules"]),
            "tailoring": Tailoring(
                everyone=_scope(body["tailoring"]["everyone"]),
                groups=_each(_scope, body["tailoring"]["groups"]),
                hosts=_each(_scope, body["tailoring"]["hosts"]),
            ),
            "level": Level(body["level"]),
        }
    )


def _rule(body: Mapping[str, Any]) -> Rule:
    return Rule(
        **{
            **body,
            "severity": Severity(body["severity"]),
            "platforms": tuple(Platform(name) for name in body["platforms"]),
            "values": tuple(body["values"]),
            "references": _each(tuple, body["references"]),
            "remediation": Remediation(**body["remediation"]),
            "examples": _each(tuple, body["examples"]),
            "tags": tuple(body["tags"]),
            "levels": {Level(level): _expected(expected) for level, expected in body["levels"].items()},
            "level": Level(body["level"]),
        }
    )


def _expected(body: Mapping[str, Any]) -> Expected:
    return Expected(body["expect"], tuple(body["values"]), _each(tuple, body["examples"]))


def _scope(body: Mapping[str, Any]) -> TailoringScope:
    return TailoringScope(values=body["values"], deselect=body["deselect"])


def _each(build: Callable[[Any], Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: build(value) for name, value in body.items()}
