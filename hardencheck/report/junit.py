"""JUnit XML, for CI servers and whatever else draws test results: a host is a test suite, a rule a test.

JUnit has no word for a host that could not be reached: its tests would all be skipped, and most readers draw that
green. So the first test of every suite is whether the host was reached whole, and it is an error when it was not.
"""

from __future__ import annotations

from collections import Counter

from hardencheck.model.outcome import HostState
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report.markup import DECLARATION, Xml, element, text
from hardencheck.report.projection import accepted
from hardencheck.report.rows import Row, about, rows

SUFFIX = ".junit.xml"
_ATTRIBUTES = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def render(report: Report) -> str:
    """Return the sweep as one `testsuites` element; `tests` counts the results and one test for each host."""
    suites, total = [], Counter[str]()
    for host in report.sweep.hosts:
        suite, found = _suite(report, host)
        suites.append(suite)
        total += found
    name = f"{report.baseline.id} {report.baseline.version}"
    return DECLARATION + element(
        "testsuites", *suites, name=name, **_numbers(total), time=_seconds(*report.sweep.hosts)
    )


def _suite(report: Report, host: HostResult) -> tuple[Xml, Counter[str]]:
    """Return a host's suite, and how many of its tests have each element; a test without one has passed."""
    shown = list(rows(report, host))
    reached = host.state is HostState.REACHED
    found = Counter(["" if reached else "error", *(row.word.junit for row in shown)])
    known = {"sweep": report.sweep.id, **about(host)}
    properties = [element("property", name=name, value=value) for name, value in known.items()]
    tests = [_reached(host), *(_test(host, row) for row in shown)]
    suite = element(
        "testsuite", element("properties", *properties), *tests,
        name=host.host, hostname=host.host, **_numbers(found), time=_seconds(host),
        # Ant's schema has no time zone: times are UTC
        timestamp=report.sweep.started.removesuffix("Z"),
    )  # fmt: skip
    return suite, found


def _reached(host: HostResult) -> Xml:
    said = ": ".join(filter(None, (host.state.value, host.reason, host.message)))
    trouble = () if host.state is HostState.REACHED else (element("error", type=host.state.value, message=said),)
    return element("testcase", *trouble, classname=f"{host.host}.host", name="the host was reached whole", time="0")


def _test(host: HostResult, row: Row) -> Xml:
    rule, result, outcome = row.rule, row.result, row.result.outcome.value
    inside = []
    if row.word.junit == "skipped":
        why = f"{accepted(row.waiver)}; found" if row.waiver else outcome
        inside.append(element("skipped", message=f"{why}: {result.message}"))
    elif row.word.junit:
        said = [reason.sentence for reason in result.reasons] or [result.message]
        # readers group by the type: failures by their severity, errors by our word for them
        kind = result.severity.value if row.word.junit == "failure" else outcome
        body = text("\n".join([*said, f"Fix: {rule.remediation.text}"]))
        inside.append(element(row.word.junit, body, type=kind, message=result.message))
    ours = [f"outcome: {outcome}", f"severity: {result.severity.value}", f"level: {result.level.value}"]
    ours += [f"evidence: sha256:{result.evidence}"] if result.evidence else []
    inside.append(element("system-out", text("\n".join([*ours, *row.notes]))))
    name = f"{result.rule_id} {rule.title}"
    return element("testcase", *inside, classname=f"{host.host}.{result.theme}", name=name, time="0")


def _numbers(found: Counter[str]) -> dict[str, int]:
    return {"tests": found.total(), **{name: found[tag] for tag, name in _ATTRIBUTES.items()}}


def _seconds(*hosts: HostResult) -> str:
    return f"{sum(host.duration for host in hosts):.3f}"
