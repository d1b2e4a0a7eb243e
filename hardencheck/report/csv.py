"""One row per host and rule, for a spreadsheet: every cell quoted, formula cells neutralised."""

from __future__ import annotations

import csv
import io

from hardencheck.model.report import Report
from hardencheck.report.escape import csv_cell

SUFFIX = ".csv"
COLUMNS = (
    "sweep", "host", "client", "process_unit", "site", "owner", "system", "host_state", "host_reason",
    "rule_id", "theme", "severity", "outcome", "message", "evidence",
    "level", "waiver", "waived_until",
    "outcome_before", "changed_because",
)  # fmt: skip


def render(report: Report) -> str:
    """Return the sweep as CSV (RFC 4180); a host without results has one row with its state."""
    sweep, out = report.sweep, io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    changes = {(each.host, each.rule_id): each for each in report.changes.changes} if report.changes else {}
    for host in sweep.hosts:
        labels = [host.labels.get(name, "") for name in ("client", "process_unit", "site", "owner")]
        about = [sweep.id, host.host, *labels, host.system, host.state.value, host.reason]
        for result in host.results:
            waived = report.waived.get((host.host, result.rule_id))
            changed = changes.get((host.host, result.rule_id))
            row = [
                *about, result.rule_id, result.theme, result.severity.value, result.outcome.value, result.message,
                result.evidence or "", result.level.value,
                *((waived.id, waived.expires) if waived else ("", "")),
                (changed.before or "") if changed else "", " ".join(changed.causes) if changed else "",
            ]  # fmt: skip
            writer.writerow(map(csv_cell, row))
        if not host.results:
            writer.writerow(map(csv_cell, [*about, "", "", "", "", host.message, *[""] * 6]))
    return out.getvalue()
