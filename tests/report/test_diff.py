"""A comparison on the screen and as JSON: alike changes stand together, and what is left out is said."""

from __future__ import annotations

import json

from hardencheck.model.change import Cause, Change, Comparison
from hardencheck.model.outcome import Outcome, Severity
from hardencheck.report.diff import render, render_json


def change(host: str, rule_id: str = "linux-x", after: Outcome = Outcome.FAIL, now: str = "found 8") -> Change:
    return Change(
        host, rule_id, Severity.HIGH, Outcome.PASS, after, False, False, (Cause.HOST, Cause.PROBE), "found 15", now
    )


def comparison(*changes: Change) -> Comparison:
    return Comparison("s1", "s2", "b 1.0.0", "b 1.1.0", ("old",), ("new1", "new2"), changes)


def test_alike_changes_are_one_entry_with_its_causes() -> None:
    text = render(comparison(change("desk1"), change("desk2"), change("desk3", after=Outcome.UNKNOWN)))
    assert text.startswith("from s1 (b 1.0.0) to s2 (b 1.1.0)\n")
    assert "no longer swept: 1 host: old\nnewly swept: 2 hosts: new1, new2\n" in text
    assert "changes: 2 new failure, 1 no longer told\n" in text
    assert "  new failure: high linux-x  pass -> fail\n    2 hosts: desk1, desk2\n" in text
    assert "why: the host answered something else; this version of hardencheck asks or reads otherwise" in text
    assert "    was: found 15\n    now: found 8\n" in text


def test_what_is_left_out_is_said() -> None:
    many = [change("desk1", f"linux-{number}") for number in range(5)]
    assert "and 3 more: hardencheck diff" in render(comparison(*many), most=2)
    assert "more: hardencheck diff" not in render(comparison(*many), most=5)


def test_hostile_text_does_not_reach_the_screen() -> None:
    assert "\x1b" not in render(comparison(change("desk\x1b[2J", now="a\x1b]0;x\x07b")))


def test_json_has_every_change() -> None:
    body = json.loads(render_json(comparison(change("desk1"))))
    assert body["changes"] == [
        {
            "host": "desk1", "rule_id": "linux-x", "severity": "high", "kind": "new_failure", "before": "pass",
            "after": "fail", "waived_before": False, "waived_after": False, "causes": ["host", "probe"],
            "was": "found 15", "now": "found 8",
        }
    ]  # fmt: skip
    assert (body["before"], body["hosts_new"]) == ({"sweep": "s1", "baseline": "b 1.0.0"}, ["new1", "new2"])
