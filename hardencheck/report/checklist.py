"""What both of STIG Viewer's checklists, CKL and CKLB, say of the baseline and of a result.

Our rules are no STIG rules: they keep their own names, and the numbers that they have in a STIG stand in the
discussion. A checklist has four words for nine outcomes, so a finding's details begin with ours.
"""

from __future__ import annotations

from datetime import date

from hardencheck.model.outcome import Severity
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report.escape import term
from hardencheck.report.projection import accepted
from hardencheck.report.rows import Row, about, references

#: a checklist has no `info`; the details tell which it was
SEVERITY = {severity: severity.value for severity in Severity} | {Severity.INFO: Severity.LOW.value}

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905  one line


def edition(report: Report) -> tuple[str, str]:
    """Return the baseline's version as a STIG's version and release; its date is the day on which it was used."""
    version, _, rest = report.baseline.version.partition(".")
    used = date.fromisoformat(report.sweep.started[:10])
    # the month's name must not follow the locale
    day = f"{used.day:02d} {_MONTHS[used.month - 1]} {used.year}"
    return version, f"Release: {rest or '0'} Benchmark Date: {day}"


def discussion(row: Row) -> str:
    """Return why a rule is asked, and its numbers in other frameworks."""
    return "\n\n".join(part for part in (row.rule.rationale, references(row.rule)) if part)


def comments(row: Row) -> str:
    """Return the waiver that covers a failure, why one does not, and what changed; a line for each."""
    return "\n".join([*([term(accepted(row.waiver))] if row.waiver else []), *row.notes])


def host_comments(report: Report, host: HostResult) -> str:
    """Return the sweep and what is known of a host, a line for each."""
    told = {"sweep": report.sweep.id, "started": report.sweep.started, **about(host)}
    return "\n".join(term(f"{name}: {value}") for name, value in told.items())
