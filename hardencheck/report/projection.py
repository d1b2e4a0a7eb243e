"""How an outcome is called in each format: the one table that every writer reads, and that the docs print.

Other formats have fewer words than XCCDF, whose nine are ours. Where a word is lost, the writer keeps ours beside it. A
waiver is an overlay: the outcome stays `fail`, and the last row says how it is shown. Sources: XCCDF 1.2 (NISTIR
7275r4) 6.6.4.2, STIG Viewer's CKL and CKLB, Heimdall's HDF (InSpec exec-json), SARIF 2.1.0, JUnit as Jenkins reads it,
OCSF class 2003, OSCAL Assessment Results 1.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Report, Waived
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult


@dataclass(frozen=True, slots=True)
class Projection:
    """One outcome in every format.

    `hdf` is a result's status; `not applicable` needs the impact 0 beside it. `sarif` is `result`, `notification` or
    `omitted`. `junit` is the element inside a testcase, "" for none. `ocsf` is compliance.status_id. `oscal` is the
    state of a finding's target, "" for an observation without a finding.
    """

    xccdf: str
    ckl: str
    cklb: str
    hdf: str
    sarif: str
    junit: str
    ocsf: int
    oscal: str


_OPEN = ("Not_Reviewed", "not_reviewed")

#: STIG Manager takes XCCDF's `fixed` for not reviewed, so what was put right is a pass in XCCDF
PROJECTION = {
    Outcome.PASS: Projection("pass", "NotAFinding", "not_a_finding", "passed", "omitted", "", 1, "satisfied"),
    Outcome.FAIL: Projection("fail", "Open", "open", "failed", "result", "failure", 3, "not-satisfied"),
    Outcome.ERROR: Projection("error", *_OPEN, "error", "notification", "error", 0, ""),
    Outcome.UNKNOWN: Projection("unknown", *_OPEN, "skipped", "notification", "error", 0, ""),
    Outcome.NOTAPPLICABLE: Projection(
        "notapplicable", "Not_Applicable", "not_applicable", "skipped", "omitted", "skipped", 99, ""
    ),
    Outcome.NOTCHECKED: Projection("notchecked", *_OPEN, "skipped", "notification", "skipped", 0, ""),
    Outcome.NOTSELECTED: Projection("notselected", *_OPEN, "skipped", "omitted", "skipped", 99, ""),
    Outcome.INFORMATIONAL: Projection("informational", *_OPEN, "skipped", "omitted", "skipped", 99, ""),
    Outcome.FIXED: Projection("pass", "NotAFinding", "not_a_finding", "passed", "omitted", "", 1, "satisfied"),
}

#: A failing result that a waiver covers: still a failure, marked as accepted. XCCDF's `override` is not used: the
#: schematron that comes with OpenSCAP then refuses every other result. Nor is OCSF's Warning, a check without a result.
WAIVED = Projection("fail", "Open", "open", "skipped", "result", "skipped", 3, "not-satisfied")


def shown(report: Report, host: HostResult, result: RuleResult) -> tuple[Projection, Waived | None]:
    """Return what one result is called in each format, and the waiver that covers it, which only a failure can have."""
    waived = report.waived.get((host.host, result.rule_id)) if result.outcome is Outcome.FAIL else None
    return (WAIVED if waived else PROJECTION[result.outcome]), waived


def accepted(waived: Waived) -> str:
    """Return a waiver as one sentence; people wrote it, so a writer escapes it like what hosts send."""
    instead = f"; compensating control: {waived.compensating_control}" if waived.compensating_control else ""
    return (
        f"accepted until {waived.expires} by {waived.approver} for {waived.requester} "
        f"(waiver {waived.id}, ticket {waived.ticket}): {waived.reason}{instead}"
    )
