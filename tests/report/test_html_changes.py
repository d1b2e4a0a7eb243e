"""What the HTML page says of the sweep before, of waivers in every state, and of what people attest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from hardencheck.model.change import Cause, Change, Comparison
from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Report
from hardencheck.model.waiver import WaiverState
from hardencheck.report import diff, html
from hardencheck.report.escape import term
from hardencheck.report.html_changes import CHANGES, HOSTS, REASONS
from hardencheck.report.html_view import view
from tests.report import changing, material
from tests.report.floor import floor
from tests.report.page import Page, number

COMPARED = changing.report()


def page(report: Report) -> Page:
    return Page(html.render(report))


def many(hosts: int, rules: int, *causes: tuple[Cause, ...]) -> Report:
    """Every result of a floor failed before; the causes go round by rule."""
    given = floor(hosts, rules)
    changes = tuple(
        Change(host.host, r.rule_id, r.severity, Outcome.PASS, Outcome.FAIL, False, False, causes[n % len(causes)],
               "it was well", r.message)
        for n, rule in enumerate(given.baseline.rules)
        for host in given.sweep.hosts
        for r in host.results
        if r.rule_id == rule.id
    )  # fmt: skip
    return replace(given, changes=Comparison("s1", given.sweep.id, "b 1", "b 1", (), (), changes))


def test_changes_are_counted_by_cause_and_in_all() -> None:
    table = page(COMPARED).table("Results that changed, by cause")
    assert table.heads == ["Cause", "New failure", "No longer told", "Otherwise", "Now waived", "Fixed", "Together"]
    ours = Counter(cause for change in diff.told(COMPARED) for cause in change.causes)
    shown = {row[0]: number(row[-1]) for row in table.rows}
    assert shown == {
        **{diff.why([cause]): count for cause, count in ours.items()},
        "each result once": len(diff.told(COMPARED)),
    }
    assert [number(cell) for cell in table.rows[-1][1:]] == [1, 3, 2, 1, 1, 8]


def test_each_change_says_what_it_was_what_it_is_and_why() -> None:
    found = page(COMPARED)
    table = found.table("The most urgent changes of each cause")
    rows = [row for row in table.rows if len(row) == len(table.heads)]
    assert len(rows) == len(diff.told(COMPARED))
    whys = [row[0] for row in table.rows if len(row) == 1]
    assert whys[0] == (
        "Why: the host answered something else; this version of hardencheck asks or reads otherwise (1 result)"
    )
    assert set(whys) == {
        f"Why: {diff.why(causes)} ({1 if n == 1 else f'{n}'} result{'' if n == 1 else 's'})"
        for causes, n in Counter(change.causes for change in diff.told(COMPARED)).items()
    }
    [new] = [row for row in rows if row[1] == "new failure"]
    assert (new[2], new[3][:12], new[4]) == (material.LINUX_DESK, "passit was p", f"fail{material.FORMULA}")
    [waived] = [row for row in rows if row[1] == "now waived"]
    assert waived[4].startswith("fail accepted")
    [gone] = [row for row in rows if row[0] == "linux-gone"]
    assert gone[4] == "not judged"


def test_the_sweep_before_and_the_hosts_of_only_one_sweep_are_named() -> None:
    text = " ".join(page(COMPARED).texts["changes"].split())
    assert f"What changed since sweep {changing.BEFORE}" in text
    assert "That sweep was judged by site-core 1.2.2, this one by site-core 1.2.3." in text
    assert f"1 host was in this sweep only: {material.WINDOWS_DESK}." in text
    assert "1 host was in that sweep only: desk-9." in text
    assert "8 results changed: 1 new failure, 3 no longer told" in " ".join(page(COMPARED).texts["summary"].split())


def test_a_page_that_was_not_compared_says_so() -> None:
    found = page(material.report())
    assert "This sweep was not compared with an earlier one." in found.texts["changes"]
    assert not [table for table in found.tables if "changed" in table.caption]
    assert "mark" not in " ".join(found.attributes("class")).split()


def test_when_nothing_changed_the_page_says_so() -> None:
    same = replace(COMPARED, changes=replace(changing.comparison(), changes=()))
    assert "every outcome is what it was" in page(same).texts["changes"]
    assert "0 results changed." in page(same).texts["summary"]


def test_each_finding_that_is_not_what_it_was_is_marked_with_its_cause() -> None:
    shown = view(COMPARED)
    marks = {
        (name, entry.rule.id): reading.mark
        for entry in (*shown.failures, *shown.questions)
        for reading in entry.readings
        for name, _ in reading.hosts
    }
    changed = {key: mark for key, mark in marks.items() if mark}
    assert set(changed) == set(changing.CHANGED) & set(marks)
    assert {key for key, mark in changed.items() if mark[0] == "new"} == {(material.LINUX_DESK, "linux-fail")}
    texts = page(COMPARED).texts
    for _, said in changed.values():
        assert said in texts["fails"] + texts["questions"]
    cards = texts["fails"].split("Whoever passes by")
    assert sum("new on 1 host" in " ".join(card.split()) for card in cards) == 1


def test_hosts_with_the_same_reading_are_told_apart_when_only_one_of_them_is_new() -> None:
    given = floor(3, 1)
    failing = tuple(
        replace(host, results=(replace(given.sweep.hosts[0].results[0], outcome=Outcome.FAIL),))
        for host in given.sweep.hosts
    )
    first = failing[0].results[0]
    change = Change(failing[2].host, first.rule_id, first.severity, Outcome.PASS, Outcome.FAIL, False, False,
                    (Cause.HOST,), "", "")  # fmt: skip
    found = Comparison("s1", "s2", "b 1", "b 1", (), (), (change,))
    [entry] = view(replace(given, sweep=replace(given.sweep, hosts=failing), changes=found)).failures
    assert [len(reading.hosts) for reading in entry.readings] == [1, 2]
    assert entry.readings[0].hosts[0][0] == failing[2].host, "what is new comes first"
    assert entry.marks == (("new", 1),)


def test_many_changes_are_cut_aloud() -> None:
    report = many(HOSTS + 3, 2 * CHANGES + 2, (Cause.HOST,), (Cause.PROBE,))
    table = page(report).table("The most urgent changes of each cause")
    rows = [row for row in table.rows if len(row) == len(table.heads)]
    assert len(rows) == 2 * CHANGES
    assert all(row[2].endswith(" and 3 more") for row in rows)
    left = [row[0] for row in table.rows if row[0].startswith("and ")]
    assert left == [f"and {HOSTS + 3} more results of this cause"] * 2


def test_many_sets_of_causes_are_cut_aloud() -> None:
    sets = [(one, other) for one in Cause for other in Cause if one is not other][: REASONS + 2]
    text = " ".join(page(many(1, len(sets), *sets)).texts["changes"].split())
    assert "And 2 more results of other causes. The JSON report has every change" in text


def test_waivers_are_listed_by_how_they_stand_the_urgent_ones_first() -> None:
    found = page(COMPARED)
    tables = [table for table in found.tables if table.caption.startswith("Waivers ")]
    assert [table.rows[0][0] for table in tables] == ["W-1", "W-2", "W-3", "W-5", "W-12", "W-4"]
    states = [table.caption.removeprefix("Waivers ") for table in tables]
    assert states == ["expired", "suspended", "expiring within 30 days", "not begun",
                      "in force and the failures that they cover", "with nothing to cover"]  # fmt: skip
    for table, standing in zip(tables, (changing.standings()[n] for n in (1, 2, 3, 5, 0, 4)), strict=True):
        said = " ".join(table.rows[0])
        for word in (standing.rule_id, standing.scope, term(standing.waiver.reason), standing.waiver.expires):
            assert word in said
    notes = [dict(pairs).get("class") for tag, pairs in found.elements if tag == "p"]
    assert notes.count("note") == 4, "three kinds need attention, and the summary says so"
    assert "1 waiver expired, 1 waiver suspended, 1 waiver expiring within 30 days." in found.texts["summary"]
    assert "fails on 1 host: desk 1 Malmö" in tables[0].rows[0][2]


def test_a_failure_that_a_waiver_does_not_cover_says_why() -> None:
    fails = page(COMPARED).texts["fails"]
    assert "not accepted: waiver W-1 (ticket CHG-1, until 2026-11-21) has expired" in fails
    assert "waiver W-2 (ticket CHG-2, until 2027-01-31) is suspended" in fails
    assert "not accepted" not in page(material.report()).text


@pytest.mark.parametrize("state", [WaiverState.IN_FORCE, WaiverState.IDLE, WaiverState.NOT_BEGUN])
def test_waivers_that_need_nobody_are_not_in_the_summary(state: WaiverState) -> None:
    quiet = replace(COMPARED, waivers=(replace(changing.standings()[4], state=state),))
    assert "Waivers" not in page(quiet).texts["summary"]


def test_what_people_attest_is_listed_and_what_is_open_comes_first() -> None:
    table = page(COMPARED).table("What is attested")
    assert [row[0].split()[-1] for row in table.rows] == ["alarm-drilled", "restore-drilled", "plan-drilled"]
    assert table.column("State") == ["not checked", "not checked", "attested"]
    assert "expired: it held until the end of 2026-05-01 UTC" in table.rows[0][2]
    assert table.rows[1][2:] == ["nobody has attested it", "to keep: minutes of the restore"]
    assert f"minutes.pdf {material.DIGEST}" in table.rows[2][3]
    assert "was given no statements" in page(material.report()).texts["attested"]
