"""One row per host and rule, for a spreadsheet: every cell quoted, formula cells neutralised."""

from __future__ import annotations

import csv
import io

from hardencheck.model.report import Report
from hardencheck.report.diff import changed
from hardencheck.report.escape import csv_cell
from hardencheck.report.waivers import uncovered

SUFFIX = ".csv"
COLUMNS = (
    "sweep", "host", "client", "process_unit", "site", "owner", "system", "host_state", "host_reason",
    "rule_id", "theme", "severity", "outcome", "message", "evidence",
    "level", "waiver", "waived_until",
    "outcome_before", "changed_because", "not_covered_because",
)  # fmt: skip


def render(report: Report) -> str:
    """Return the sweep as CSV (RFC 4180); a host without results has one row with its state."""
    sweep, out = report.sweep, io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for host in sweep.hosts:
        labels = [host.labels.get(name, "") for name in ("client", "process_unit", "site", "owner")]
        lapsed = uncovered(report, host)
        about = [sweep.id, host.host, *labels, host.system, host.state.value, host.reason]
        for result in host.results:
            waived = report.waived.get((host.host, result.rule_id))
            change = changed(report, host.host, result.rule_id)
            row = [
                *about, result.rule_id, result.theme, result.severity.value, result.outcome.value, result.message,
                result.evidence or "", result.level.value,
                *((waived.id, waived.expires) if waived else ("", "")),
                (change.before or "") if change else "", " ".join(change.causes) if change else "",
                lapsed.get(result.rule_id, ""),
            ]  # fmt: skip
            writer.writerow(map(csv_cell, row))
        if not host.results:
            writer.writerow(map(csv_cell, [*about, "", "", "", "", host.message, *[""] * 7]))
    return out.getvalue()
