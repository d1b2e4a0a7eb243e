"""A framework's requirements with their coverage: as text, CSV and JSON; numbers only, as most texts are not free."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from hardencheck.model.framework import Coverage, FrameworkView, Requirement
from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Report
from hardencheck.report.escape import csv_cell, term
from hardencheck.report.screen import indented

SCHEMA_VERSION = "1.0"

_WORDS = {
    Coverage.AUTOMATED: "automated",
    Coverage.ATTESTED: "attested",
    Coverage.NOTCHECKED: "not checked",
    Coverage.NOT_COVERED: "not covered",
}
_COLUMNS = ("requirement", "coverage", "strength", "rules", "pass", "fail", "waived", "open", "n/a", "attested")
#: of a requirement, `open` counts what could not be told
_OPEN = (Outcome.UNKNOWN, Outcome.ERROR, Outcome.NOTCHECKED)


def render(view: FrameworkView, report: Report) -> str:
    """Return the requirements that anything covers as a table, and the others by number."""
    rows = [_row(each) for each in view.requirements if each.coverage is not Coverage.NOT_COVERED]
    left = [each.number for each in view.requirements if each.coverage is Coverage.NOT_COVERED]
    count = view.coverage
    words = ", ".join(f"{count[coverage]} {word}" for coverage, word in _WORDS.items())
    parts = [
        f"{view.framework}  {len(view.requirements)} requirements: {words}",
        f"sweep {report.sweep.id}  baseline {report.sweep.baseline_id} {report.sweep.baseline_version}",
        tabulate(rows, headers=_COLUMNS, tablefmt="simple", disable_numparse=True,
                 colalign=("left", "left", "left", *["right"] * 6, "left")) if rows else "",
        "\n".join(indented(f"not covered: {', '.join(left)}", 0)) if left else "",
        "Coverage says that something looked or somebody vouched, not that a requirement is met.",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def render_csv(view: FrameworkView, report: Report) -> str:
    """Return one row for each requirement, covered or not."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(("sweep", "framework", *_COLUMNS, "rule_ids"))
    for each in view.requirements:
        ids = " ".join(f"{rule_id}:{strength}" for rule_id, strength in each.rules)
        cells = ({"-": "", ".": "0"}.get(cell, cell) for cell in _row(each))
        writer.writerow(map(csv_cell, [report.sweep.id, view.framework, *cells, ids]))
    return out.getvalue()


def render_json(view: FrameworkView, report: Report) -> str:
    """Return the requirements as JSON with sorted keys."""
    body = {
        "schema_version": SCHEMA_VERSION,
        "framework": view.framework,
        "sweep": report.sweep.id,
        "baseline": f"{report.sweep.baseline_id} {report.sweep.baseline_version}",
        "as_of": report.made,
        "coverage": {coverage.value: view.coverage[coverage] for coverage in Coverage},
        "requirements": [_requirement(each) for each in view.requirements],
    }
    return json.dumps(body, indent=2, sort_keys=True) + "\n"


def _requirement(each: Requirement) -> dict[str, Any]:
    return {
        "number": each.number,
        "coverage": each.coverage.value,
        "strength": each.strength and each.strength.value,
        "rules": {rule_id: strength.value for rule_id, strength in each.rules},
        "outcomes": {outcome.value: each.outcomes[outcome] for outcome in Outcome},
        "waived": each.waived,
        "attestations": [
            {"control": found.control.id, "outcome": found.outcome.value, "message": found.message}
            for found in each.attested
        ],
    }


def _row(each: Requirement) -> Sequence[str]:
    counts = (
        len(each.rules), each.outcomes[Outcome.PASS], each.outcomes[Outcome.FAIL], each.waived,
        sum(each.outcomes[outcome] for outcome in _OPEN), each.outcomes[Outcome.NOTAPPLICABLE],
    )  # fmt: skip
    attested = ", ".join(f"{found.control.id} ({found.outcome.value})" for found in each.attested)
    strength = each.strength.value if each.strength else "-"
    return (each.number, _WORDS[each.coverage], strength, *(str(count) if count else "." for count in counts),
            term(attested) or "-")  # fmt: skip
