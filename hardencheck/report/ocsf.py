"""OCSF Compliance Finding (class 2003, schema 1.5.0), for a SOC: one JSON line for each host and rule.

The finding of a host and a rule keeps its `finding_info.uid` from sweep to sweep, and every line updates it: a SIEM
sees one finding that lives on, not a new one every night. Our own words stand in `status_code` and `unmapped`.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hardencheck import __version__
from hardencheck.model.outcome import Outcome, Severity
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report.diff import summed_up
from hardencheck.report.escape import lines, term
from hardencheck.report.identity import stable_uuid
from hardencheck.report.projection import accepted
from hardencheck.report.rows import Row, about, rows

SUFFIX = ".ocsf.jsonl"
_CLASS, _CATEGORY, _UPDATE = 2003, 2, 2
_SEVERITY = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
}
_STATUS = {0: "Unknown", 1: "Pass", 3: "Fail"}
_SUPPRESSED, _RESOLVED = {"status_id": 3, "status": "Suppressed"}, {"status_id": 4, "status": "Resolved"}


def render(report: Report) -> str:
    """Return JSON lines, one for each result."""
    events = (_event(report, host, row) for host in report.sweep.hosts for row in rows(report, host))
    return "".join(json.dumps(event, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n" for event in events)


def _event(report: Report, host: HostResult, row: Row) -> dict[str, Any]:
    sweep, rule, result = report.sweep, row.rule, row.result
    severity_id, severity = _SEVERITY[result.severity]
    ended = datetime.fromisoformat(sweep.finished or sweep.started)
    event = {
        "activity_id": _UPDATE,
        "activity_name": "Update",
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Compliance Finding",
        "type_uid": _CLASS * 100 + _UPDATE,
        "type_name": "Compliance Finding: Update",
        "time": int(ended.timestamp()) * 1000,
        "severity_id": severity_id,
        "severity": severity,
        "message": term(result.message),
        "status_code": result.outcome.value,
        "metadata": {
            "version": "1.5.0",
            "product": {"name": "hardencheck", "vendor_name": "hardencheck", "version": __version__},
            "uid": stable_uuid("ocsf", sweep.id, host.host, rule.id),
            "correlation_uid": sweep.id,
        },
        "finding_info": {
            "uid": stable_uuid(host.host, rule.id),
            "title": term(rule.title),
            "desc": lines(rule.rationale),
            "types": [result.theme],
        },
        "compliance": _compliance(report, row),
        "resources": [_resource(host)],
        "unmapped": {
            "baseline": {"id": report.baseline.id, "version": report.baseline.version, "sha256": sweep.baseline_digest},
            "outcome": result.outcome.value,
            "severity": result.severity.value,
            "theme": result.theme,
            "level": result.level.value,
            "waiver": term(row.waiver.id) if row.waiver else None,
            "change": summed_up(row.change, row.since) if row.change else None,
        },
    }
    if rule.remediation.text:
        event["remediation"] = {"desc": lines(rule.remediation.text)}
    if row.waiver:
        event |= _SUPPRESSED
    elif result.outcome is Outcome.FIXED:
        event |= _RESOLVED
    if details := [*([term(accepted(row.waiver))] if row.waiver else []), *row.notes]:
        event["status_detail"] = ". ".join(details)
    if result.evidence:
        event["evidences"] = [{"data": {"sha256": result.evidence}}]
    return event


def _compliance(report: Report, row: Row) -> dict[str, Any]:
    references = row.rule.references
    known = report.baseline.references
    return {
        "control": row.rule.id,
        # the schema wants at least one
        "standards": [known.get(name, name) for name in references] or [report.baseline.title],
        "requirements": [f"{framework} {number}" for framework, numbers in references.items() for number in numbers],
        "status_id": row.word.ocsf,
        # 99 says that the word is the source's own
        "status": _STATUS.get(row.word.ocsf, row.result.outcome.value),
    }


def _resource(host: HostResult) -> dict[str, Any]:
    return {
        "name": term(host.host),
        "uid": stable_uuid("host", host.host),
        "type": "host",
        "labels": [term(f"{name}={value}") for name, value in sorted(host.labels.items())],
        "data": {name: term(value) for name, value in about(host).items() if not name.startswith("label.")},
    }
