"""junitparser counts what we count, and a host that was not reached is red."""

from __future__ import annotations

from collections import Counter

import pytest
from junitparser import JUnitXml

from hardencheck.model.outcome import HostState
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report.junit import render
from hardencheck.report.projection import shown
from tests.report import changing, material

REPORT = material.report()
NAMES = {"tests": "tests", "failures": "failure", "errors": "error", "skipped": "skipped"}


def ours(*hosts: HostResult) -> dict[str, int]:
    """What a reader must count: one test for each result, and one for each host."""
    found = Counter(shown(REPORT, host, result)[0].junit for host in hosts for result in host.results)
    found += Counter("" if host.state is HostState.REACHED else "error" for host in hosts)
    return {name: found.total() if name == "tests" else found[tag] for name, tag in NAMES.items()}


def told(part: object) -> dict[str, int]:
    return {name: getattr(part, name) for name in NAMES}


def counted(text: str) -> dict[str, int]:
    """What junitparser counts itself, whatever the attributes say."""
    read = JUnitXml.fromstring(text.encode())
    read.update_statistics()  # type: ignore[no-untyped-call]
    return told(read)


@pytest.mark.parametrize("report", [REPORT, changing.report()], ids=["alone", "compared"])
def test_the_attributes_and_the_elements_are_our_counts(report: Report) -> None:
    text = render(report)
    read = JUnitXml.fromstring(text.encode())
    assert told(read) == counted(text) == ours(*REPORT.sweep.hosts)
    assert min(told(read).values()) > 0
    assert {suite.name: told(suite) for suite in read} == {host.host: ours(host) for host in REPORT.sweep.hosts}


def test_a_failure_that_is_gone_shows_in_the_counts() -> None:
    text = render(REPORT)
    start = text.index("<failure")
    end = text.index("</failure>", start) + len("</failure>")
    assert counted(text[:start] + text[end:]) != ours(*REPORT.sweep.hosts)


def test_what_xml_cannot_hold_is_refused_by_the_reader_and_never_written() -> None:
    text = render(REPORT)
    with pytest.raises(SyntaxError):
        JUnitXml.fromstring(text.replace("outcome: pass", "outcome: \x1b", 1).encode())


def test_a_host_that_was_not_reached_is_an_error_and_never_only_skipped() -> None:
    suites = {suite.name: suite for suite in JUnitXml.fromstring(render(REPORT).encode())}
    lost = suites[material.WINDOWS_LOST]
    first = next(iter(lost))
    assert (first.name, lost.errors, lost.skipped) == ("the host was reached whole", 1, len(lost) - 1)
    assert first.result[0].message == "unreachable: no_answer: no answer on port 5986"


def test_our_own_word_stands_beside_every_test() -> None:
    for suite, host in zip(JUnitXml.fromstring(render(REPORT).encode()), REPORT.sweep.hosts, strict=True):
        words = [case.system_out.splitlines()[0] for case in suite if case.system_out]
        assert words == [f"outcome: {result.outcome.value}" for result in host.results]


def test_a_waived_failure_is_skipped_and_says_who_accepted_it() -> None:
    host, rule = material.WAIVED
    suite = next(suite for suite in JUnitXml.fromstring(render(REPORT).encode()) if suite.name == host)
    case = next(case for case in suite if case.name.startswith(f"{rule} "))
    said = case.result[0].message
    assert said.startswith("accepted until 2027-03-31 by Björn for Ana <ana> (waiver W-12, ticket CHG-4711)")
    assert said.endswith("found 8, wanted at least 14 (waived)")
    assert case.system_out.startswith("outcome: fail\n")
