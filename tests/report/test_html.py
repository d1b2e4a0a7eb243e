"""The HTML page says what the report says: its counts are ours, and every finding, host and reason is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hardencheck.cli.exit_codes import ExitCode, exit_code
from hardencheck.model.outcome import HostState, Level, Outcome, Platform, Severity
from hardencheck.model.report import Report
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult
from hardencheck.report import formats, html, html_page
from hardencheck.report.escape import term
from hardencheck.report.html_view import view
from hardencheck.report.summary import summarise
from tests.report import changing, material
from tests.report.floor import WAIVER, floor, report_of
from tests.report.page import Page, Table, number

COUNTS = {
    "Pass": {Outcome.PASS},
    "Fail": {Outcome.FAIL},
    "Could not tell": {Outcome.UNKNOWN, Outcome.ERROR, Outcome.NOTCHECKED},
    "Does not count": {Outcome.NOTAPPLICABLE, Outcome.NOTSELECTED, Outcome.INFORMATIONAL, Outcome.FIXED},
}


def page(report: Report) -> Page:
    return Page(html.render(report))


def results(report: Report) -> Iterator[tuple[HostResult, RuleResult]]:
    return ((host, result) for host in report.sweep.hosts for result in host.results)


def of_outcome(report: Report, column: str) -> int:
    return sum(result.outcome in COUNTS[column] for _, result in results(report))


def waived(report: Report) -> int:
    return sum(
        result.outcome is Outcome.FAIL and (host.host, result.rule_id) in report.waived
        for host, result in results(report)
    )


def counts(table: Table, row: int) -> dict[str, int]:
    names = [*COUNTS, "of which accepted"]
    return {name: number(table.rows[row][table.heads.index(name)]) for name in names}


@pytest.fixture(params=["small", "floor", "compared"])
def report(request: pytest.FixtureRequest) -> Report:
    made = {"small": material.report, "floor": lambda: floor(20, 30), "compared": changing.report}
    return made[request.param]()


def test_html_is_a_format_of_one_file(report: Report) -> None:
    assert "html" in formats.names()
    [(name, text)] = formats.files("html", report)
    assert name == f"{report.sweep.id}.html"
    assert text.startswith("<!doctype html>\n")


def test_every_outcome_is_counted_and_explained(report: Report) -> None:
    table = page(report).table("Outcomes of this sweep")
    ours = Counter(result.outcome for _, result in results(report))
    shown = [number(cell) for cell in table.column("Results")]
    assert shown == [*(ours[outcome] for outcome in html_page.GLOSSARY), waived(report)]
    assert set(html_page.GLOSSARY) == set(Outcome)


def test_the_themes_add_up_to_all(report: Report) -> None:
    table = page(report).table("Each theme of the baseline")
    ours = {name: of_outcome(report, name) for name in COUNTS} | {"of which accepted": waived(report)}
    assert counts(table, -1) == ours
    rows = [counts(table, row) for row in range(len(table.rows) - 1)]
    assert {name: sum(row[name] for row in rows) for name in ours} == ours
    assert [row[0] for row in table.rows[:-1]] == sorted({result.theme for _, result in results(report)})


def test_the_units_hold_every_host_once(report: Report) -> None:
    table = page(report).table("Each unit")
    ours = {name: of_outcome(report, name) for name in COUNTS} | {"of which accepted": waived(report)}
    rows = [counts(table, row) for row in range(len(table.rows))]
    assert {name: sum(row[name] for row in rows) for name in ours} == ours
    seen, hosts = zip(*(map(int, cell.split(" of ")) for cell in table.column("Seen whole")), strict=True)
    assert sum(hosts) == len(report.sweep.hosts)
    assert sum(seen) == sum(host.state is HostState.REACHED for host in report.sweep.hosts)


def test_the_scores_with_and_without_waivers_are_right(report: Report) -> None:
    passed, failed, unsure = (of_outcome(report, name) for name in ("Pass", "Fail", "Could not tell"))
    row = page(report).table("Each theme of the baseline").rows[-1]
    assert row[1:3] == [f"{round(100 * passed / (passed + failed + unsure), 1)} %",
                        f"{round(100 * passed / (passed + failed + unsure - waived(report)), 1)} %"]  # fmt: skip
    percent = summarise(report.sweep).total.percent
    assert percent is not None
    assert row[1] == f"{round(percent, 1)} %"


def test_a_score_is_never_rounded_up_to_perfect() -> None:
    big = floor(1, 4000)
    passing = tuple(replace(r, outcome=Outcome.PASS) for r in big.sweep.hosts[0].results[1:])
    failing = replace(big.sweep.hosts[0].results[0], outcome=Outcome.FAIL)
    hosts = (replace(big.sweep.hosts[0], results=(failing, *passing)),)
    assert "99.9 %" in page(report_of(hosts, big.baseline)).texts["summary"]


def test_every_host_that_was_not_seen_whole_is_named_with_the_reason(report: Report) -> None:
    found = page(report)
    table = found.table("Hosts that were not seen whole")
    unseen = [host for host in report.sweep.hosts if host.state is not HostState.REACHED]
    assert sorted(table.column("Host")) == sorted(host.host for host in unseen)
    for host in unseen:
        assert f"{host.reason} {term(host.message)}" in table.column("Reason")


def test_when_every_host_was_seen_the_page_says_so() -> None:
    whole = tuple(host for host in floor(8).sweep.hosts if host.state is HostState.REACHED)
    assert "Every host in scope was seen whole." in page(report_of(whole, floor(8).baseline)).texts["coverage"]


def test_every_host_is_listed_with_its_counts(report: Report) -> None:
    table = page(report).table("Each host in scope")
    hosts = {host.host: host for host in report.sweep.hosts}
    assert len(table.rows) == len(hosts)
    for name, failed in zip(table.column("Host"), table.column("Fail"), strict=True):
        host = next(host for host in hosts.values() if name in (host.host, f"{host.host} {host.manifest}"))
        assert number(failed) == sum(result.outcome is Outcome.FAIL for result in host.results)


def test_each_control_counts_the_results_of_its_rules(report: Report) -> None:
    found = page(report)
    ours: dict[str, Counter[str]] = {}
    for _, result in results(report):
        for framework, controls in report.baseline.rule(result.rule_id).references.items():
            for control in controls:
                column = next(name for name, outcomes in COUNTS.items() if result.outcome in outcomes)
                ours.setdefault(f"{framework} {control}", Counter())[column] += 1
    shown = {}
    for framework, title in report.baseline.references.items():
        table = found.table(f"{title} ({framework})")
        for row in range(len(table.rows)):
            shown[f"{framework} {table.rows[row][0]}"] = counts(table, row)
    assert {name: {column: row[column] for column in COUNTS} for name, row in shown.items()} == {
        name: {column: row[column] for column in COUNTS} for name, row in ours.items()
    }


def test_controls_stand_in_the_order_of_their_numbers() -> None:
    rules = tuple(
        replace(rule, references={"pci-dss-4.0.1": (control,)})
        for rule, control in zip(floor(1, 4).baseline.rules, ("8.10.1", "8.2.8", "A1.1", "8.2.10"), strict=True)
    )
    baseline = replace(floor(1, 4).baseline, rules=rules)
    table = page(report_of(floor(1, 4).sweep.hosts, baseline)).table("PCI DSS 4.0.1 (")
    assert table.column("Control") == ["8.2.8", "8.2.10", "8.10.1", "A1.1"]


@pytest.mark.parametrize(
    ("outcomes", "accepted", "verdict"),
    [
        ([Outcome.PASS, Outcome.FAIL], False, "fail"),
        ([Outcome.PASS, Outcome.FAIL], True, "accepted"),
        ([Outcome.PASS, Outcome.FAIL, Outcome.ERROR], True, "could not tell"),
        ([Outcome.PASS, Outcome.UNKNOWN], False, "could not tell"),
        ([Outcome.PASS, Outcome.NOTCHECKED], False, "could not tell"),
        ([Outcome.PASS, Outcome.NOTAPPLICABLE], False, "pass"),
        ([Outcome.NOTAPPLICABLE, Outcome.NOTSELECTED], False, "does not count"),
        ([Outcome.INFORMATIONAL, Outcome.FIXED], False, "does not count"),
    ],
)
def test_a_control_is_as_bad_as_the_worst_result(outcomes: list[Outcome], accepted: bool, verdict: str) -> None:
    given = floor(len(outcomes), 1)
    hosts = tuple(
        replace(host, results=(replace(host.results[0], outcome=outcome),))
        for host, outcome in zip(given.sweep.hosts, outcomes, strict=True)
    )
    waivers = {(host.host, host.results[0].rule_id): WAIVER for host in hosts} if accepted else {}
    found = page(report_of(hosts, given.baseline, waivers))
    assert found.table("NIST 800-53").column("Result") == [verdict]
    assert found.table("Each rule over all hosts").column("Result") == [verdict]


def test_every_finding_says_what_where_and_how_to_fix_it() -> None:
    given = material.report()
    found = page(given)
    fails = found.texts["fails"]
    for _, result in results(given):
        if result.outcome is Outcome.FAIL:
            rule = given.baseline.rule(result.rule_id)
            assert rule.title in fails
            assert rule.path in fails
            assert rule.remediation.text in fails
            assert "Risk of the change: restarts a service." in fails
    tables = [table for table in found.tables if table.caption == "What was read"]
    observed = ["minimum", "8", "at least 14", "/etc/security/pwquality.conf"]
    assert sum(observed in table.rows for table in tables) == sum(r.outcome is Outcome.FAIL for _, r in results(given))
    assert f"desk 1 Malmö evidence {material.DIGEST}" in fails


def test_what_could_not_be_told_has_its_reason() -> None:
    given = material.report()
    questions = page(given).texts["questions"]
    asked = [r for h, r in results(given) if r.outcome.incomplete and h.state is not HostState.UNREACHABLE]
    assert {given.baseline.rule(r.rule_id).title for r in asked} <= set(
        re.findall(r"The rule \S+ <holds> & more", questions)
    )
    assert "needs root" in questions
    assert "no answer on port 5986" not in questions, "that is told once, under coverage"


def test_the_level_of_a_reading_is_told() -> None:
    given = floor(1, 10)
    literal = tuple(replace(result, level=Level.LITERAL_STIG) for result in given.sweep.hosts[0].results)
    text = page(report_of((replace(given.sweep.hosts[0], results=literal),), given.baseline)).texts["fails"]
    assert "level literal-stig" in text


def test_a_waiver_is_shown_with_all_that_was_agreed() -> None:
    given = material.report()
    [row] = page(given).table("Waivers in force").rows
    found = given.waived[material.WAIVED]
    for said in (found.id, found.reason, found.ticket, found.requester, found.approver, found.expires,
                 found.compensating_control, "linux-waived", material.LINUX_DESK):  # fmt: skip
        assert term(said) in " ".join(row)


def test_a_waiver_of_what_does_not_fail_changes_nothing() -> None:
    given = floor(3, 10)
    passing = [(host.host, r.rule_id) for host, r in results(given) if r.outcome is not Outcome.FAIL]
    assert html.render(replace(given, waived=dict.fromkeys(passing, WAIVER))) == html.render(replace(given, waived={}))


def test_what_nobody_asked_is_listed_by_reason() -> None:
    given = material.report()
    table = page(given).table("Rules that were left out")
    ours = {(r.message, r.rule_id) for _, r in results(given) if r.outcome is Outcome.NOTSELECTED}
    assert {(row[0], rule) for row in table.rows for rule in row[2].split()} == ours


def test_rules_without_any_result_are_named() -> None:
    given = material.report()
    linux = tuple(host for host in given.sweep.hosts if host.platform is Platform.LINUX)
    text = page(report_of(linux, given.baseline)).texts["unasked"]
    for rule in given.baseline.rules:
        assert (f"{rule.id} " in text) == (rule.platforms == (Platform.WINDOWS,) or rule.id == "linux-notselected")


def test_the_page_names_what_it_was_made_from(report: Report) -> None:
    text = page(report).texts["identity"]
    sweep = report.sweep
    for said in (sweep.id, sweep.baseline_id, sweep.baseline_version, sweep.baseline_digest, sweep.collector_digest,
                 report.baseline.level.value, "no roster was given", "2026-11-22 01:30:00 UTC"):  # fmt: skip
        assert said in text
    rostered = replace(report, sweep=replace(sweep, roster_digest="ab" * 32, finished=None))
    assert "ab" * 32 in page(rostered).texts["identity"]
    assert "This sweep is not finished." in page(rostered).texts["summary"]


def test_the_exit_status_is_that_of_the_command() -> None:
    made = (material.report(), floor(9, 20), floor(10, 20), floor(1, 1), floor(1, 6))
    for given in (*made, *(replace(report, waived={}) for report in made)):
        found = view(given).exits
        exits = {severity: code for code, severities in found.items() for severity in severities}
        assert exits == {severity: exit_code(given, severity).value for severity in Severity}
    codes = {code.value: code for code in ExitCode}
    for code, meaning in html.EXITS.items():
        assert codes[code].meaning.split(":")[0] == meaning.split(":")[0]


def test_accepted_failures_do_not_change_the_exit_status() -> None:
    given = floor(9, 20)
    failing = [(host.host, r.rule_id) for host, r in results(given) if r.outcome is Outcome.FAIL]
    assert set(view(replace(given, waived=dict.fromkeys(failing, WAIVER))).exits) == {ExitCode.INCOMPLETE}
    assert set(view(replace(given, waived={})).exits) == {ExitCode.BOTH}


def test_tables_are_told_to_those_who_cannot_see_them(report: Report) -> None:
    found = page(report)
    assert all(table.caption and table.heads for table in found.tables)
    heads = [dict(pairs).get("scope") for tag, pairs in found.elements if tag == "th"]
    assert set(heads) <= {"col", "row", "rowgroup"}
    ids = found.attributes("id")
    assert len(ids) == len(set(ids))
    assert {target.removeprefix("#") for target in found.attributes("href")} <= set(ids)
    assert set(found.attributes("aria-labelledby")) <= set(ids)
