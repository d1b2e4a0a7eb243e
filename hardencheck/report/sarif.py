"""SARIF 2.1.0, for dashboards of code scanning: failures are results, what could not be told is a notification.

Readers take every result for a problem, whatever its `kind` says, so what passes or does not apply is left out; the
counts of all outcomes are in the run's properties. For the same reason no result's `baselineState` (3.27.24) is
`absent`: what failed in the sweep before and does not now stands in the run's property of that name. A result lies in
its rule's file, at the host as logical location.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from hardencheck import __version__
from hardencheck.model.baseline import Rule
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.report import Report, Standing, Waived
from hardencheck.model.sweep import HostResult
from hardencheck.report.diff import summed_up, told
from hardencheck.report.escape import lines, term
from hardencheck.report.identity import stable_uuid
from hardencheck.report.projection import accepted
from hardencheck.report.rows import Row, rows
from hardencheck.report.summary import incomplete
from hardencheck.report.waivers import to_json

SUFFIX = ".sarif"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.INFO: "note"}
#: GitHub draws from 7.0 high, from 4.0 medium, above 0 low
_SCORE = {Severity.HIGH: "8.0", Severity.MEDIUM: "5.0", Severity.LOW: "2.0", Severity.INFO: "0.0"}
_NOTIFICATIONS = (
    ("not-told", "Nobody could tell whether a rule is met."),
    ("host-not-reached-whole", "A host did not answer, or not everything."),
)


def render(report: Report) -> str:
    """Return the sweep as one run; it counts as successful only when every host and every rule could be told."""
    sweep, baseline = report.sweep, report.baseline
    shown = [(host, list(rows(report, host))) for host in sweep.hosts]
    rules = {row.rule.id: row.rule for _, found in shown for row in found}
    places = {rule_id: number for number, rule_id in enumerate(rules)}
    outcomes = Counter(row.result.outcome for _, found in shown for row in found)
    run = {
        "tool": {
            "driver": {
                "name": "hardencheck",
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in rules.values()],
                "notifications": [{"id": name, "shortDescription": _text(text)} for name, text in _NOTIFICATIONS],
            }
        },
        "automationDetails": {"id": f"hardencheck/{quote(baseline.id)}/{sweep.id}", "guid": _guid(sweep.id)},
        **({"baselineGuid": _guid(report.changes.before)} if report.changes else {}),
        "invocations": [
            {
                "executionSuccessful": bool(sweep.finished) and not incomplete(sweep.hosts),
                "startTimeUtc": sweep.started,
                **({"endTimeUtc": sweep.finished} if sweep.finished else {}),
                "toolExecutionNotifications": [note for host, found in shown for note in _notes(host, found, places)],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(host, row, places) | _baseline_state(report, host, row)
            for host, found in shown
            for row in found
            if row.word.sarif == "result"
        ],
        "properties": {
            "baseline": {"id": baseline.id, "version": baseline.version, "sha256": sweep.baseline_digest},
            "outcomes": {outcome.value: outcomes[outcome] for outcome in Outcome},
            **({"waivers": list(map(_waiver, report.waivers))} if report.waivers is not None else {}),
            **({"absent": _absent(report)} if report.changes else {}),
        },
    }
    body = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    references = [f"{framework}/{number}" for framework, numbers in rule.references.items() for number in numbers]
    return {
        "id": rule.id,
        "shortDescription": _text(f"{rule.title}."),
        "fullDescription": _text(rule.rationale or rule.title),
        "help": _text(rule.remediation.text or rule.title),
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
        "properties": {
            "tags": ["security", rule.theme, *references],
            "security-severity": _SCORE[rule.severity],
            "severity": rule.severity.value,
        },
    }


def _result(host: HostResult, row: Row, places: Mapping[str, int]) -> dict[str, Any]:
    return {
        "ruleId": row.rule.id,
        "ruleIndex": places[row.rule.id],
        "kind": "fail",
        "level": _LEVEL[row.result.severity],
        "message": _message(f"{host.host}: {row.result.message}"),
        "locations": [_location(host, row)],
        # all results of a rule lie on the same line: GitHub tells them apart by this name alone
        "partialFingerprints": {"primaryLocationLineHash": stable_uuid(host.host, row.rule.id)},
        # an empty list says that nobody accepted it, a missing one that nobody knows
        "suppressions": [_suppression(row.waiver)] if row.waiver else [],
        "properties": _about(host, row),
    }


def _baseline_state(report: Report, host: HostResult, row: Row) -> dict[str, str]:
    """Return whether a failure is new, by the property that is made for it; nothing where nobody can tell."""
    key = (host.host, row.rule.id)
    if report.changes is None or key in report.changes.unasked:
        return {}
    if host.host in report.changes.new or (row.change and row.change.before is not Outcome.FAIL):
        return {"baselineState": "new"}
    return {"baselineState": "updated" if row.change else "unchanged"}


def _absent(report: Report) -> list[dict[str, Any]]:
    gone = [each for each in told(report) if each.before is Outcome.FAIL and each.after is not Outcome.FAIL]
    since = report.changes.before if report.changes else ""
    return [
        {
            "host": term(each.host),
            "rule": each.rule_id,
            "outcome": each.after and each.after.value,
            "change": summed_up(each, since),
        }
        for each in gone
    ]


def _waiver(standing: Standing) -> dict[str, Any]:
    return {
        name: list(map(term, value)) if isinstance(value, list) else term(value)
        for name, value in to_json(standing).items()
    }


def _guid(sweep_id: str) -> str:
    return stable_uuid("sarif", sweep_id)


def _suppression(waiver: Waived) -> dict[str, str]:
    return {"kind": "external", "status": "accepted", "justification": term(accepted(waiver))}


def _notes(host: HostResult, found: Iterable[Row], places: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    if host.state is not HostState.REACHED:
        said = ": ".join(filter(None, (host.host, host.state.value, host.reason, host.message)))
        yield {
            "descriptor": {"id": _NOTIFICATIONS[1][0], "index": 1},
            "level": "error",
            "message": _message(said),
            "locations": [{"logicalLocations": [_logical(host)]}],
            "properties": {"host": term(host.host), "state": host.state.value, "reason": host.reason},
        }
    for row in found:
        if row.word.sarif == "notification":
            yield {
                "descriptor": {"id": _NOTIFICATIONS[0][0], "index": 0},
                "associatedRule": {"id": row.rule.id, "index": places[row.rule.id]},
                "level": "error" if row.result.outcome is Outcome.ERROR else "warning",
                "message": _message(f"{host.host}: {row.result.message}"),
                "locations": [_location(host, row)],
                "properties": _about(host, row),
            }


def _about(host: HostResult, row: Row) -> dict[str, Any]:
    return {
        "host": term(host.host),
        "outcome": row.result.outcome.value,
        "severity": row.result.severity.value,
        "level": row.result.level.value,
        "evidence_sha256": row.result.evidence,
        **({"waiver": row.uncovered} if row.uncovered else {}),
        **({"change": summed_up(row.change, row.since)} if row.change else {}),
    }


def _location(host: HostResult, row: Row) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": quote(row.rule.path or row.rule.id)}, "region": {"startLine": 1}}
    return {"physicalLocation": place, "logicalLocations": [_logical(host)]}


def _logical(host: HostResult) -> dict[str, str]:
    return {"name": term(host.host), "fullyQualifiedName": term(host.host), "kind": "resource"}


def _message(text: str) -> dict[str, str]:
    return _text(term(text))


def _text(text: str) -> dict[str, str]:
    """Return a message that shows the text as it is: {0} is a place holder (SARIF 3.11.5), [a](b) a link (3.11.6)."""
    return {"text": lines(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")}
