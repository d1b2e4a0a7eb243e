"""A sweep as JSON, and the JSON Schema of it; `schema_version` grows by semantic versioning."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from hardencheck.model.attestation import Attested
from hardencheck.model.change import Cause, Kind
from hardencheck.model.codec import sweep_to_json
from hardencheck.model.outcome import HostState, Level, Outcome, Platform, Severity
from hardencheck.model.report import Report
from hardencheck.model.waiver import WaiverState
from hardencheck.report import diff, waivers
from hardencheck.report.summary import Score, summarise

SUFFIX = ".json"
SCHEMA_VERSION = "1.1"


def render(report: Report) -> str:
    """Return the sweep as JSON with sorted keys: the same sweep gives the same bytes. Non-ASCII is escaped.

    With waivers it depends on the moment as well, which it names.
    """
    summary = summarise(report.sweep, report.waived)
    standing = None
    if report.waivers is not None:
        standing = {"as_of": report.made, "standing": [waivers.to_json(each) for each in report.waivers]}
    body = {
        "schema_version": SCHEMA_VERSION,
        "summary": {
            "coverage": {state.value: summary.coverage[state] for state in HostState},
            "themes": {theme: _score(score) for theme, score in summary.themes.items()},
            "total": _score(summary.total),
        },
        "sweep": sweep_to_json(report.sweep),
        "waivers": standing,
        "attestations": None if report.attested is None else [_attested(each) for each in report.attested],
        "changes": None
        if report.changes is None
        else {"since": report.changes.before, "changes": [diff.to_json(each) for each in report.changes.changes]},
    }
    return json.dumps(body, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _score(score: Score) -> dict[str, Any]:
    return {
        "percent": _rounded(score.percent),
        "percent_with_waivers": _rounded(score.percent_with_waivers),
        "waived": score.waived,
        "outcomes": {outcome.value: score.outcomes[outcome] for outcome in Outcome},
    }


def _attested(attested: Attested) -> dict[str, Any]:
    statement = attested.statement
    return {
        "control": attested.control.id,
        "title": attested.control.title,
        "outcome": attested.outcome.value,
        "by": statement and statement.by,
        "on": statement and statement.on.isoformat(),
        "until": attested.until and attested.until.isoformat(),
        "evidence": statement and statement.evidence,
        "sha256": statement and statement.sha256,
    }


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 1)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _words(words: type[StrEnum]) -> dict[str, Any]:
    return {"enum": [word.value for word in words]}


_TEXT = {"type": "string"}
_TIME = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_COUNT = {"type": "integer", "minimum": 0}
_PERCENT = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
_SCORE = _object(
    percent=_PERCENT,
    percent_with_waivers=_PERCENT,
    waived=_COUNT,
    outcomes=_object(**{outcome.value: _COUNT for outcome in Outcome}),
)
_REASON = _object(fact=_TEXT, observed=True, expected=_TEXT, read_from=_TEXT, sentence=_TEXT)
_RESULT = _object(
    rule_id=_TEXT,
    outcome=_words(Outcome),
    severity=_words(Severity),
    theme=_TEXT,
    message=_TEXT,
    reasons={"type": "array", "items": _REASON},
    values={"type": "object"},
    evidence={"anyOf": [_DIGEST, {"type": "null"}]},
    level=_words(Level),
)
_HOST = _object(
    host=_TEXT,
    platform=_words(Platform),
    state=_words(HostState),
    reason=_TEXT,
    message=_TEXT,
    labels={"type": "object", "additionalProperties": _TEXT},
    groups={"type": "array", "items": _TEXT},
    system=_TEXT,
    skew={"type": ["number", "null"]},
    duration={"type": "number", "minimum": 0},
    manifest={"anyOf": [_DIGEST, {"type": "null"}]},
    results={"type": "array", "items": _RESULT},
)

_NAMES = {"type": "array", "items": _TEXT}
_STANDING = _object(
    id=_TEXT,
    reason=_TEXT,
    ticket=_TEXT,
    requester=_TEXT,
    approver=_TEXT,
    expires={"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    compensating_control=_TEXT,
    rule_id=_TEXT,
    scope=_TEXT,
    state=_words(WaiverState),
    covers=_NAMES,
    suspended=_NAMES,
    lapsed=_NAMES,
)
_WAIVERS = _object(as_of=_TIME, standing={"type": "array", "items": _STANDING})

_TEXT_OR_NULL = {"type": ["string", "null"]}
_ATTESTED = _object(
    control=_TEXT,
    title=_TEXT,
    outcome=_words(Outcome),
    **dict.fromkeys(("by", "on", "until", "evidence", "sha256"), _TEXT_OR_NULL),
)
_CHANGE = _object(
    host=_TEXT,
    rule_id=_TEXT,
    severity=_words(Severity),
    kind=_words(Kind),
    before={"anyOf": [_words(Outcome), {"type": "null"}]},
    after={"anyOf": [_words(Outcome), {"type": "null"}]},
    waived_before={"type": "boolean"},
    waived_after={"type": "boolean"},
    causes={"type": "array", "items": _words(Cause), "minItems": 1},
    was=_TEXT,
    now=_TEXT,
)
_CHANGES = _object(since=_TEXT, changes={"type": "array", "items": _CHANGE})

#: What `hardencheck schema result` prints.
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "hardencheck sweep report",
    "description": f"Written by `hardencheck report --format json`; schema version {SCHEMA_VERSION}.",
    **_object(
        schema_version={"const": SCHEMA_VERSION},
        summary=_object(
            coverage=_object(**{state.value: _COUNT for state in HostState}),
            themes={"type": "object", "additionalProperties": _SCORE},
            total=_SCORE,
        ),
        sweep=_object(
            id=_TEXT,
            started=_TIME,
            finished={"anyOf": [_TIME, {"type": "null"}]},
            baseline_id=_TEXT,
            baseline_version=_TEXT,
            baseline_digest=_DIGEST,
            collector_digest=_DIGEST,
            roster_digest={"anyOf": [_DIGEST, {"type": "null"}]},
            settings={"type": "object"},
            hosts={"type": "array", "items": _HOST},
        ),
        waivers={"anyOf": [_WAIVERS, {"type": "null"}]},
        attestations={"anyOf": [{"type": "array", "items": _ATTESTED}, {"type": "null"}]},
        changes={"anyOf": [_CHANGES, {"type": "null"}]},
    ),
}
