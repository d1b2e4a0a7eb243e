"""HDF (Heimdall Data Format, InSpec's exec-json): one file for each host, as Heimdall and the SAF tools read them.

A reader computes a control's status: an impact of 0 or a waiver makes it Not Applicable, whatever its results say. So
severity `info` has a small impact of its own, and 0 is kept for what does not apply.
"""

from __future__ import annotations

import json
from typing import Any

from hardencheck import __version__
from hardencheck.model.outcome import Outcome, Severity
from hardencheck.model.report import Report, Waived
from hardencheck.model.sweep import HostResult
from hardencheck.report.escape import lines, term
from hardencheck.report.projection import accepted
from hardencheck.report.rows import Row, about, rows

SUFFIX = ".hdf.json"
PER_HOST = True
#: InSpec's own numbers: from 0.7 high, from 0.4 medium, from 0.1 low, below that none
_IMPACT = {Severity.HIGH: 0.7, Severity.MEDIUM: 0.5, Severity.LOW: 0.3, Severity.INFO: 0.1}


def render(report: Report, host: HostResult) -> str:
    """Return one host's results as one profile; a control is a rule, and has one result."""
    body = {
        "platform": {"name": term(host.system or host.platform.value), "release": "", "target_id": term(host.host)},
        "version": __version__,
        "statistics": {"duration": host.duration},
        "profiles": [_profile(report, host)],
        "passthrough": {"sweep": report.sweep.id, **{term(name): term(value) for name, value in about(host).items()}},
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def _profile(report: Report, host: HostResult) -> dict[str, Any]:
    baseline = report.baseline
    shown = list(rows(report, host))
    themes: dict[str, list[str]] = {}
    for row in shown:
        themes.setdefault(row.result.theme, []).append(row.rule.id)
    return {
        "name": baseline.id,
        "title": baseline.title,
        "version": baseline.version,
        "summary": baseline.description,
        "sha256": report.sweep.baseline_digest,
        "status": "loaded",
        "supports": [],
        "attributes": [],
        "groups": [{"id": theme, "title": theme, "controls": ids} for theme, ids in sorted(themes.items())],
        "controls": [_control(report, row) for row in shown],
    }


def _control(report: Report, row: Row) -> dict[str, Any]:
    rule, result = row.rule, row.result
    applies = result.outcome is not Outcome.NOTAPPLICABLE
    message = term(result.message)
    if row.waiver:
        message = f"{_accepted(row.waiver)}; found: {message}"
    return {
        "id": rule.id,
        "title": rule.title,
        # Heimdall shows this text as the justification of a control that does not apply
        "desc": lines(rule.rationale) if applies else "\n".join([message, *row.notes]),
        "descriptions": [
            {"label": "rationale", "data": lines(rule.rationale)},
            {"label": "fix", "data": lines(rule.remediation.text)},
        ],
        "impact": _IMPACT[result.severity] if applies else 0.0,
        "tags": {
            "nist": [*rule.references.get("nist-800-53r5", ()), "Rev_5"],
            **{framework: list(numbers) for framework, numbers in rule.references.items()},
            "severity": result.severity.value,
            "outcome": result.outcome.value,
            "level": result.level.value,
            "theme": result.theme,
            "evidence_sha256": result.evidence,
        },
        "code": json.dumps(rule.expect, indent=2, sort_keys=True),
        "source_location": {"ref": rule.path, "line": 1},
        "refs": [],
        "waiver_data": _waiver(row.waiver) if row.waiver else {},
        "results": [_result(report, row, message)],
    }


def _result(report: Report, row: Row, message: str) -> dict[str, str]:
    body = {
        "status": row.word.hdf,
        "code_desc": row.rule.title,
        "start_time": report.sweep.started,
        "skip_message" if row.word.hdf == "skipped" else "message": message,
    }
    # each status has one text that readers show
    shown = {"passed": "code_desc", "skipped": "skip_message"}.get(row.word.hdf, "message")
    return body | {shown: "\n".join([body[shown], *row.notes])}


def _waiver(waiver: Waived) -> dict[str, Any]:
    return {
        "justification": _accepted(waiver),
        "expiration_date": term(waiver.expires),
        "skipped_due_to_waiver": True,
        "run": True,
        "message": term(waiver.id),
    }


def _accepted(waiver: Waived) -> str:
    return term(accepted(waiver))
