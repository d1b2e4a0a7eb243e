"""The screen stays calm: hosts with the same trouble are one entry, long messages are cut, nothing is told twice."""

from __future__ import annotations

from hardencheck.model.baseline import Baseline
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.report import Report
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.report.screen import WIDTH
from hardencheck.report.table import LINES, TOP, render, render_host


def sweep(*hosts: HostResult) -> Report:
    digest = "0" * 64
    found = Sweep("20261122T013000Z-1f00d5", "2026-11-22T01:30:00Z", "2026-11-22T01:31:00Z", "b", "1.0.0", digest,
                  digest, hosts=hosts)  # fmt: skip
    return Report(found, Baseline("b", "B", "1.0.0", {}, ()), "2026-11-22T02:00:00Z")


def lost(name: str, message: str) -> HostResult:
    return HostResult(name, HostState.UNREACHABLE, "no_answer", message)


def failing(*sentences: str) -> RuleResult:
    reasons = tuple(Reason(f"fact{n}", 1, "2", "", sentence) for n, sentence in enumerate(sentences))
    return RuleResult("linux-x", Outcome.FAIL, Severity.HIGH, "access", "; ".join(sentences), reasons)


def test_hosts_with_the_same_trouble_are_one_entry() -> None:
    text = render(sweep(*(lost(f"desk{n}", "no answer") for n in range(5))))
    assert "  5 hosts (desk0, desk1, desk2, ...): unreachable, no_answer\n    no answer\n" in text
    assert "each by name: hardencheck report --format csv" in text


def test_a_message_that_only_one_of_them_has_names_its_host() -> None:
    text = render(sweep(lost("desk1", "10.0.0.1 is silent"), lost("desk2", "10.0.0.2 is silent")))
    assert "  2 hosts (desk1, desk2): unreachable, no_answer\n    desk1: 10.0.0.1 is silent\n" in text
    assert "each by name" not in text


def test_each_kind_of_trouble_behind_one_reason_is_told() -> None:
    said = (
        "port 22 is closed: is sshd running?",
        "port 5986 is closed: is WinRM running?",
        "Basic is refused",
        "a",
        "b",
    )
    text = render(sweep(*(lost(f"desk{n}", message) for n, message in enumerate(said)), lost("desk9", said[0])))
    assert [line.strip() for line in text.splitlines() if line.startswith("    ")][:4] == [
        *(f"desk{n}: {message}" for n, message in enumerate(said[:3])),
        "and 2 more kinds of trouble: hardencheck report --format csv",
    ]


def test_what_all_hosts_say_alike_is_said_once_even_when_it_names_one_of_them() -> None:
    text = render(sweep(*(lost(f"desk-{n}", "refused by desk-1, and desk-2, since noon") for n in range(4))))
    assert text.count("refused by") == 1


def test_one_host_in_trouble_is_named_alone() -> None:
    text = render(sweep(HostResult("good", HostState.REACHED), lost("desk1", "silent")))
    assert "  desk1: unreachable, no_answer\n    silent\n" in text


def test_a_long_message_is_cut_on_the_screen_but_not_on_the_host_s_page() -> None:
    host = HostResult("desk1", HostState.REACHED, results=(failing("word " * 200 + "end"),))
    text = render(sweep(host))
    said = [line for line in text.splitlines() if line.startswith("         ")]
    assert len(said) == LINES
    assert said[-1].endswith(" ...")
    assert max(map(len, text.splitlines())) <= WIDTH
    assert render_host(host, {}).count("word") == 200


def test_what_nobody_asked_is_said_once_for_each_reason() -> None:
    left_out = [
        RuleResult(rule_id, Outcome.NOTSELECTED, Severity.HIGH, "access", message)
        for rule_id, message in (("linux-a", "no roster"), ("linux-b", "no roster"), ("linux-c", "ticket 4711"))
    ]
    hosts = [HostResult(name, HostState.REACHED, results=tuple(left_out)) for name in ("desk1", "desk2")]
    lines = render(sweep(*hosts)).splitlines()
    assert [line for line in lines if line.startswith("not asked")] == [
        "not asked: 2 rules (linux-a, linux-b): no roster",
        "not asked: linux-c: ticket 4711",
    ]


def test_reasons_not_to_ask_are_cut_aloud() -> None:
    left_out = [
        RuleResult(f"linux-{number}", Outcome.NOTSELECTED, Severity.HIGH, "access", f"ticket {number}" + " x" * 400)
        for number in range(10, 10 + TOP + 2)
    ]
    all_of_them = render(sweep(HostResult("desk1", HostState.REACHED, results=tuple(left_out)))).splitlines()
    assert len([line for line in all_of_them if line.startswith("not asked")]) == TOP
    assert len([line for line in all_of_them if line.endswith(" x ...")]) == TOP, "what is long is cut as well"
    assert "and 2 more reasons not to ask: hardencheck report --format csv" in all_of_them
    just_enough = render(sweep(HostResult("desk1", HostState.REACHED, results=tuple(left_out[:TOP]))))
    assert "more reasons" not in just_enough


def test_the_host_s_page_has_one_line_for_each_fact() -> None:
    page = render_host(HostResult("desk1", HostState.REACHED, results=(failing("one: found 1", "two: found 2"),)), {})
    assert [line.strip() for line in page.splitlines()[-2:]] == ["one: found 1", "two: found 2"]
