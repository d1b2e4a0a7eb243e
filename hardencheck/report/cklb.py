"""STIG Viewer 3's checklist (.cklb, JSON), which STIG Manager reads too: a file for each host.

There is no public schema; keys and types are those that STIG Viewer 3 writes.
"""

from __future__ import annotations

import json
from typing import Any

from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report.checklist import SEVERITY, comments, discussion, edition, host_comments
from hardencheck.report.escape import term
from hardencheck.report.identity import stable_uuid
from hardencheck.report.rows import Row, benchmark_name, check, details, names, rows, rule_name

SUFFIX = ".cklb"
PER_HOST = True


def render(report: Report, host: HostResult) -> str:
    """Return a host's results as a checklist; the same results give the same bytes."""
    called = names(host)
    version, release = edition(report)
    baseline, name = report.baseline, benchmark_name(report, host)
    stig = stable_uuid("stig", report.sweep.baseline_digest, host.platform.value)
    rules = [_rule(row, stig) for row in rows(report, host)]
    body = {
        "title": f"{baseline.title}: {host.host}",
        "id": stable_uuid("checklist", report.sweep.id, host.host),
        "active": False,
        "mode": 1,
        "has_path": True,
        "target_data": {
            "target_type": "Computing", "host_name": host.host, "ip_address": called.address, "mac_address": "",
            "fqdn": called.fqdn,
            "comments": host_comments(report, host), "role": "None", "is_web_database": False, "technology_area": "",
            "web_db_site": "", "web_db_instance": "",
            # STIG Viewer takes nothing else
            "classification": None,
        },
        "stigs": [
            {
                "stig_name": baseline.title, "display_name": baseline.title, "stig_id": name,
                "release_info": release, "version": version, "uuid": stig,
                "reference_identifier": name, "size": len(rules), "rules": rules,
            }
        ],
        "cklb_version": "1.0",
    }  # fmt: skip
    return json.dumps(_safe(body), indent=1, ensure_ascii=False) + "\n"


def _rule(row: Row, stig: str) -> dict[str, Any]:
    rule = row.rule
    name = rule_name(rule.id)
    return {
        "uuid": stable_uuid("rule", stig, rule.id), "stig_uuid": stig, "group_id": rule.id, "group_id_src": rule.id,
        "rule_id": name, "rule_id_src": name, "rule_version": rule.id, "severity": SEVERITY[row.result.severity],
        "group_title": rule.theme, "rule_title": rule.title, "fix_text": rule.remediation.text,
        "discussion": discussion(row), "check_content": check(rule), "weight": "10.0", "ccis": [], "legacy_ids": [],
        "group_tree": [{"id": rule.id, "title": rule.theme, "description": ""}], "status": row.word.cklb,
        "overrides": {}, "comments": comments(row), "finding_details": details(row),
    }  # fmt: skip


def _safe(value: Any) -> Any:
    """Return JSON data whose text shows on a screen as it is; lines stay lines."""
    if isinstance(value, str):
        return "\n".join(map(term, value.split("\n")))
    if isinstance(value, list):
        return [_safe(item) for item in value]
    return {key: _safe(item) for key, item in value.items()} if isinstance(value, dict) else value
