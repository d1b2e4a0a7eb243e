"""A report as one HTML page for people: counts and readings are cut to size, and the CSV report has every row.

`html_view` says what is shown, `html_page` what any page has.
"""

from __future__ import annotations

from hardencheck.model.report import Report
from hardencheck.model.waiver import WaiverState
from hardencheck.report import html_page
from hardencheck.report.html_view import HOSTS, view

SUFFIX = ".html"

#: exit status of a sweep -> what it means; the first word is that of the command
EXITS = {
    0: "compliant: everything in scope was seen, and nothing fails at or above that severity",
    1: "findings: something fails at or above that severity",
    2: "incomplete: a host was not seen whole, or a rule could not be told",
    3: "findings and incomplete",
    78: "configuration: every rule was left out, so nothing was asked",
}
#: what a change may break -> in words
RISKS = {
    "safe": "safe while people work",
    "restarts-service": "restarts a service",
    "may-cut-access": "may cut people off",
    "reboot": "needs a restart",
}
#: what somebody must do about a waiver, by how it stands
WAIVER_ADVICE = {
    WaiverState.EXPIRED: "What was covered counts as a failure again: put it right, or have it accepted anew.",
    WaiverState.SUSPENDED: "What is observed is not what was accepted, so it counts as a failure: look at it again.",
    WaiverState.EXPIRING: "After the last day what is covered counts as a failure again.",
}


def render(report: Report) -> str:
    """Return the report as one HTML document (UTF-8): the same report gives the same text."""
    found = view(report)
    return html_page.render(
        "report.html.j2",
        view=found,
        anchors={group.name[0]: number for number, group in enumerate(found.rules, 1)},
        report=report,
        sweep=report.sweep,
        baseline=report.baseline,
        risks=RISKS,
        exit_meanings=EXITS,
        waiver_advice=WAIVER_ADVICE,
        most=HOSTS,
    )
