"""OSCAL Assessment Results 1.2.1 (NIST), for tools of governance: observations, and findings where the rule was told.

Only pass and fail are findings; whatever could not be told is an observation without one. A waived failure stays
`not-satisfied`, with a risk whose deviation is approved. OSCAL's ids are UUIDs, made of the sweep's words, so that the
same report has the same bytes. Its texts are Markdown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from hardencheck import __version__
from hardencheck.model.baseline import Rule
from hardencheck.model.report import Report, Waived
from hardencheck.model.sweep import HostResult
from hardencheck.report.escape import markdown, term
from hardencheck.report.identity import stable_uuid
from hardencheck.report.projection import accepted
from hardencheck.report.rows import Row, about, rows
from hardencheck.report.waivers import attention

SUFFIX = ".oscal.json"
_NAMESPACE = "urn:hardencheck:oscal"
_CONTROL = re.compile(r"([A-Z]{2}-[0-9]+)(?:\(([0-9]+)\))?")


def render(report: Report) -> str:
    """Return the sweep as one document with one result; hosts are its inventory items, rules its objectives."""
    sweep, baseline = report.sweep, report.baseline
    shown = [(host, row) for host in sweep.hosts for row in rows(report, host)]
    # OSCAL wants at least one control: without any result these are the controls that would have been reviewed
    rules = {row.rule.id: row.rule for _, row in shown} or {rule.id: rule for rule in baseline.rules}
    plan = _id(report, "baseline")
    body = {
        "uuid": _id(report, "document", report.made),
        "metadata": {
            "title": markdown(f"{baseline.title}: sweep {sweep.id}"),
            "last-modified": report.made,
            "version": sweep.id,
            "oscal-version": "1.2.1",
            "props": _props({"tool-version": __version__}),
        },
        "import-ap": {"href": f"#{plan}"},
        "local-definitions": {"objectives-and-methods": [_objective(rule) for rule in rules.values()]},
        "results": [_result(report, shown, rules)],
        "back-matter": {"resources": [_baseline(report, plan)]},
    }
    return json.dumps({"assessment-results": body}, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def _result(report: Report, shown: list[tuple[HostResult, Row]], rules: Mapping[str, Rule]) -> dict[str, Any]:
    sweep, baseline = report.sweep, report.baseline
    controls = sorted({control for rule in rules.values() for control in _controls(rule)})
    lists = {
        "observations": [_observation(report, host, row) for host, row in shown],
        "findings": [_finding(report, host, row) for host, row in shown if row.word.oscal],
        "risks": [_risk(report, host, row, waiver) for host, row in shown if (waiver := row.waiver)],
    }
    body = {
        "uuid": _id(report, "result"),
        "title": f"Sweep {sweep.id}",
        "description": markdown(f"{len(sweep.hosts)} hosts against {baseline.id} {baseline.version}"),
        "start": sweep.started,
        "props": _props({"baseline-sha256": sweep.baseline_digest, "collector-sha256": sweep.collector_digest}),
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": control} for control in controls]}]
        },
        # OSCAL has no empty lists
        **{name: found for name, found in lists.items() if found},
    }
    if sweep.finished:
        body["end"] = sweep.finished
    if lapsing := attention(report):
        body["remarks"] = _remarks(f"Waivers at {report.made} that need attention", *lapsing)
    if sweep.hosts:
        body["local-definitions"] = {"inventory-items": [_item(report, host) for host in sweep.hosts]}
    return body


def _observation(report: Report, host: HostResult, row: Row) -> dict[str, Any]:
    result = row.result
    ours = {"outcome": result.outcome.value, "severity": result.severity.value, "level": result.level.value}
    if row.change:
        before = row.change.before.value if row.change.before else "not judged"
        ours |= {"changed-since": row.since, "outcome-before": before, "changed-because": " ".join(row.change.causes)}
    body = {
        "uuid": _id(report, "observation", host.host, row.rule.id),
        "title": markdown(row.rule.title),
        "description": markdown(result.message),
        "props": _props({"rule": row.rule.id, **ours}),
        "methods": ["TEST"],
        "types": ["control-objective"],
        "subjects": [{"subject-uuid": _id(report, "host", host.host), "type": "inventory-item"}],
        "collected": report.sweep.finished or report.sweep.started,
    }
    if row.notes:
        body["remarks"] = _remarks(*row.notes)
    if result.evidence:
        body["relevant-evidence"] = [{"href": _blob(result.evidence), "description": "What the host sent."}]
    return body


def _remarks(*paragraphs: str) -> str:
    return "\n\n".join(map(markdown, paragraphs))


def _finding(report: Report, host: HostResult, row: Row) -> dict[str, Any]:
    body = {
        "uuid": _id(report, "finding", host.host, row.rule.id),
        "title": markdown(f"{host.host}: {row.rule.title}"),
        "description": markdown(row.result.message),
        "props": _props({"outcome": row.result.outcome.value}),
        "target": {
            "type": "objective-id",
            "target-id": row.rule.id,
            "status": {"state": row.word.oscal, "reason": "pass" if row.word.oscal == "satisfied" else "fail"},
        },
        "related-observations": [{"observation-uuid": _id(report, "observation", host.host, row.rule.id)}],
    }
    if row.waiver:
        body["related-risks"] = [{"risk-uuid": _id(report, "risk", host.host, row.rule.id)}]
    return body


def _risk(report: Report, host: HostResult, row: Row, waiver: Waived) -> dict[str, Any]:
    body = {
        "uuid": _id(report, "risk", host.host, row.rule.id),
        "title": markdown(f"{host.host}: {row.rule.title}"),
        "description": markdown(row.result.message),
        "statement": markdown(accepted(waiver)),
        "status": "deviation-approved",
        "deadline": f"{waiver.expires}T23:59:59Z",
        "props": _props({"waiver": waiver.id, "ticket": waiver.ticket}),
        "related-observations": [{"observation-uuid": _id(report, "observation", host.host, row.rule.id)}],
    }
    if waiver.compensating_control:
        uuid = _id(report, "factor", host.host, row.rule.id)
        body["mitigating-factors"] = [{"uuid": uuid, "description": markdown(waiver.compensating_control)}]
    return body


def _item(report: Report, host: HostResult) -> dict[str, Any]:
    return {
        "uuid": _id(report, "host", host.host),
        "description": markdown(host.host),
        "props": _props({"host": host.host, **about(host)}),
    }


def _objective(rule: Rule) -> dict[str, Any]:
    references = [(framework, number) for framework, numbers in rule.references.items() for number in numbers]
    part = {
        "id": rule.id,
        "name": "assessment-objective",
        "title": markdown(rule.title),
        "prose": "\n".join(map(markdown, rule.rationale.strip().split("\n"))),
        **({"props": [_prop(framework, number) for framework, number in references]} if references else {}),
    }
    return {"control-id": _controls(rule)[0], "parts": [part]}


def _controls(rule: Rule) -> list[str]:
    """Return a rule's controls as OSCAL's catalog of SP 800-53 calls them, AC-2(3) is ac-2.3; else the rule's id."""
    found = filter(None, map(_CONTROL.fullmatch, rule.references.get("nist-800-53r5", ())))
    return [".".join(filter(None, match.groups())).lower() for match in found] or [rule.id]


def _baseline(report: Report, uuid: str) -> dict[str, Any]:
    baseline, digest = report.baseline, report.sweep.baseline_digest
    return {
        "uuid": uuid,
        "title": markdown(baseline.title),
        "description": markdown(baseline.description or baseline.title),
        "props": _props({"id": baseline.id, "version": baseline.version}),
        "rlinks": [{"href": _blob(digest), "hashes": [{"algorithm": "SHA-256", "value": digest}]}],
    }


def _blob(digest: str) -> str:
    return f"evidence/sha256/{digest}"


def _props(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return properties of our own; a value that is empty has none, since OSCAL refuses it."""
    return [_prop(name, value) for name, value in values.items() if value.strip()]


def _prop(name: str, value: str) -> dict[str, str]:
    # a site may call its labels and frameworks as it likes, OSCAL's names are narrower
    token = re.sub(r"^(?=[^A-Za-z_])|[^A-Za-z0-9_.-]", "_", name)
    return {"name": token, "ns": _NAMESPACE, "value": term(value.strip())}


def _id(report: Report, *words: str) -> str:
    return stable_uuid("oscal", report.sweep.id, *words)
