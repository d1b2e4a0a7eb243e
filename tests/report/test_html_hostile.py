"""The HTML page is inert: what a host sent is shown and does nothing, is cut to size, and comes out the same again."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hardencheck.model.baseline import Baseline
from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.report import Report
from hardencheck.model.result import Reason
from hardencheck.report import html
from hardencheck.report.escape import term
from hardencheck.report.html_view import FACTS, HOSTS, NAMES, READINGS, REASONS, TEXT, view
from tests.report import changing, material
from tests.report.floor import floor, report_of
from tests.report.page import Page, assert_inert
from tests.report.payloads import PAYLOADS, hostile, plain


def page(report: Report) -> Page:
    return Page(html.render(report))


@pytest.fixture(params=["small", "floor", "compared"])
def report(request: pytest.FixtureRequest) -> Report:
    made = {"small": material.report, "floor": lambda: floor(20, 30), "compared": changing.report}
    return made[request.param]()


def test_the_policy_allows_the_style_sheet_and_nothing_else(report: Report) -> None:
    found = page(report)
    assert_inert(found)
    assert all(target.startswith("#") for target in found.attributes("href"))


def test_a_thousand_payloads_leave_the_elements_of_the_page_as_they_are() -> None:
    assert len(set(PAYLOADS)) == 1000
    attacked, quiet = page(hostile(PAYLOADS)), page(hostile(plain(PAYLOADS)))
    assert Counter(attacked.elements) == Counter(quiet.elements), "attributes too: no text of a host is in one"
    assert attacked.others == ["doctype html"]


def test_a_thousand_payloads_can_be_read_in_the_page() -> None:
    text = page(hostile(PAYLOADS)).text
    for place, payload in enumerate(PAYLOADS):
        if place % 100 % 3 == 2:  # not asked: only so many reasons are shown
            continue
        assert term(payload)[:TEXT] in text, payload


def test_a_payload_as_the_name_of_a_host_is_only_a_name() -> None:
    text = html.render(hostile(PAYLOADS, named=True))
    found = page(hostile(PAYLOADS, named=True))
    assert not {"script", "img"} & {tag for tag, _ in found.elements}
    for place in range(10):
        assert term(PAYLOADS[place * 100 + 4])[:TEXT] in found.texts["hosts"]
    assert not [char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_nothing_that_cannot_be_seen_is_in_the_page(report: Report) -> None:
    text = html.render(report)
    hidden = {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")}
    assert hidden == {"\n"}
    text.encode("utf-8")


def test_control_characters_are_shown_as_escapes() -> None:
    coverage = page(material.report()).texts["coverage"]
    for said in (r"\x1b[31mred", r"\x00", r"\ud800", r"\u202egnp.exe", r"\x0d\x0asecond line\x09tab"):
        assert said in coverage


def test_a_huge_text_is_cut_and_says_so() -> None:
    text = page(material.report()).texts["questions"]
    assert f"… ({len(material.LONG):,} characters in all)" in text
    assert material.LONG[:TEXT] in text
    assert material.LONG[: TEXT + 10] not in text


def test_what_is_left_out_is_counted() -> None:
    given = floor(400, 1)
    hosts = [host for host in given.sweep.hosts if host.state is HostState.REACHED]
    failing = [
        replace(host, results=(replace(host.results[0], outcome=Outcome.FAIL,
                                       reasons=(Reason("days", place % 30, "at most 3", "", ""),)),))
        for place, host in enumerate(hosts)
    ]  # fmt: skip
    found = page(report_of(tuple(failing), given.baseline))
    [entry] = view(report_of(tuple(failing), given.baseline)).failures
    assert sum(len(reading.hosts) for reading in entry.readings) == HOSTS
    assert len(entry.others) == NAMES
    told = sum(reading.more_hosts for reading in entry.readings) + len(entry.others) + entry.more + HOSTS
    assert told >= len(failing)
    assert f"and {len(failing) - HOSTS - NAMES} more" in found.texts["fails"]


def test_many_readings_and_many_facts_are_cut_aloud() -> None:
    given = floor(2 * READINGS, 1)
    facts = tuple(Reason(f"fact {n}", n, "none", "", "") for n in range(FACTS + 3))
    hosts = tuple(
        replace(host, results=(replace(given.sweep.hosts[0].results[0], outcome=Outcome.FAIL, reasons=(
            *facts, Reason(host.host, 1, "none", "", ""))),))
        for host in given.sweep.hosts
    )  # fmt: skip
    hosts = tuple(replace(host, results=(replace(host.results[0], reasons=host.results[0].reasons[::-1]),))
                  for host in hosts)  # fmt: skip
    found = page(report_of(hosts, given.baseline))
    [table] = [table for table in found.tables if table.caption == "What was read"]
    assert sum(row == ["and 4 more facts"] for row in table.rows) == READINGS
    assert all(host.host in found.texts["fails"] for host in hosts)


def test_many_reasons_not_to_ask_are_cut_aloud() -> None:
    given = floor(1, REASONS + 5)
    left_out = tuple(
        replace(r, outcome=Outcome.NOTSELECTED, message=f"ticket {n:03d}")
        for n, r in enumerate(given.sweep.hosts[0].results)
    )
    found = page(report_of((replace(given.sweep.hosts[0], results=left_out),), given.baseline))
    assert len(found.table("Rules that were left out").rows) == REASONS
    assert "And 5 more reasons" in found.texts["unasked"]


def test_a_floor_fits_in_three_megabytes() -> None:
    given = floor(100, 180)
    assert len(html.render(given).encode()) < 3_000_000


def test_a_report_over_nothing_is_a_page() -> None:
    empty = report_of((), Baseline("empty", "Nothing", "1", {}, ()))
    found = page(empty)
    assert "0 hosts were in scope" in found.texts["coverage"]
    assert "Nothing that was seen fails." in found.texts["fails"]


def test_the_same_report_gives_the_same_bytes() -> None:
    script = """if True:
        import sys
        from hardencheck.report import html
        from tests.report import changing, floor, material
        made = (material.report(), floor.floor(12, 30), changing.report())
        sys.stdout.buffer.write("".join(map(html.render, made)).encode())
    """
    root = Path(__file__).parents[2]
    made = {
        subprocess.run([sys.executable, "-c", script], cwd=root, env={"PYTHONHASHSEED": seed}, capture_output=True,
                       check=True).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(made) == 1
    shuffled = floor(12, 30)
    turned = replace(shuffled, sweep=replace(shuffled.sweep, hosts=shuffled.sweep.hosts[::-1]))
    assert html.render(turned) == html.render(shuffled), "the order in which hosts answered is not told"
    compared = changing.report()
    turned = replace(compared, sweep=replace(compared.sweep, hosts=compared.sweep.hosts[::-1]))
    assert html.render(turned) == html.render(compared)
