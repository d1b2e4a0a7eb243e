"""Waivers in a report: the failure stays in sight, both scores stand side by side, only the exit code forgets it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import jsonschema
import pytest

from hardencheck.baselines.overlay import overlay
from hardencheck.cli.exit_codes import exit_code
from hardencheck.model.baseline import Baseline
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.report import Report
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.model.waiver import Waiver, WaiverState, observed_digest
from hardencheck.report import csv as as_csv
from hardencheck.report import json as as_json
from hardencheck.report import table
from hardencheck.report.waivers import uncovered

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
USB, SSH, LOGS = "linux-usb-storage-unusable", "linux-ssh-root-login-refused", "linux-logs-forwarded"


def result(rule_id: str, outcome: Outcome, observed: object = True) -> RuleResult:
    reasons = (Reason("loadable", observed, "no", "", f"loadable: found {observed}, expected no"),)
    theme = rule_id.split("-")[1]
    return RuleResult(
        rule_id, outcome, Severity.HIGH, theme, f"loadable: found {observed}",
        reasons if outcome is Outcome.FAIL else (),
    )  # fmt: skip


def host(name: str, *results: RuleResult, group: str = "kiosks", client: str = "acme") -> HostResult:
    return HostResult(name, HostState.REACHED, labels={"client": client}, groups=("all", group), results=results)


def sweep(*hosts: HostResult) -> Sweep:
    digest = "0" * 64
    return Sweep("20261122T013000Z-1f00d5", "2026-11-22T01:30:00Z", "2026-11-22T01:31:00Z", "b", "1.0.0", digest,
                 digest, hosts=hosts)  # fmt: skip


def waiver(number: int = 1, rule_id: str = USB, expires: date = date(2027, 5, 1), **scope: Any) -> Waiver:
    return Waiver(
        id=f"w{number}", rule_id=rule_id, reason="scanner needs it", ticket="SEC-4711", requester="Ana", approver="Ben",
        granted=date(2026, 11, 1), expires=expires, compensating_control="locked room",
        observed=frozenset({observed_digest(result(rule_id, Outcome.FAIL))}), **(scope or {"hosts": ("desk1",)}),
    )  # fmt: skip


def report(found: Sweep, *waivers: Waiver, now: datetime = NOW) -> Report:
    return Report(
        found, Baseline("b", "B", "1.0.0", {}, ()), now.strftime("%Y-%m-%dT%H:%M:%SZ"), *overlay(found, waivers, now)
    )


FAILING = sweep(host("desk1", result(USB, Outcome.FAIL), result(SSH, Outcome.PASS)))


def test_a_waived_failure_changes_the_exit_code_and_nothing_else() -> None:
    plain, waived = report(FAILING), report(FAILING, waiver())
    assert exit_code(plain, Severity.MEDIUM) == 1
    assert exit_code(waived, Severity.MEDIUM) == 0
    assert waived.sweep == FAILING


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.ERROR, Outcome.NOTCHECKED])
def test_what_could_not_be_told_is_never_waived(outcome: Outcome) -> None:
    found = report(sweep(host("desk1", result(USB, outcome))), waiver())
    assert found.waived == {}
    assert exit_code(found, Severity.MEDIUM) == 2


def test_a_changed_value_suspends_the_waiver_on_that_host_alone() -> None:
    both = sweep(host("desk1", result(USB, Outcome.FAIL)), host("desk2", result(USB, Outcome.FAIL, observed=None)))
    found = report(both, waiver(hosts=("desk1", "desk2")))
    assert set(found.waived) == {("desk1", USB)}
    assert found.waivers is not None
    (standing,) = found.waivers
    assert (standing.state, standing.covers, standing.suspended) == (WaiverState.IN_FORCE, ("desk1",), ("desk2",))
    assert exit_code(found, Severity.MEDIUM) == 1
    alone = report(sweep(host("desk1", result(USB, Outcome.FAIL, observed=None))), waiver())
    assert alone.waivers is not None
    assert alone.waivers[0].state is WaiverState.SUSPENDED
    assert exit_code(alone, Severity.MEDIUM) == 1


@pytest.mark.parametrize(
    ("now", "covered"),
    [
        (datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 1, 0, 0, 0, tzinfo=UTC), True),
        (datetime(2027, 5, 1, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 5, 2, 0, 0, 0, tzinfo=UTC), False),
        (datetime(2027, 5, 2, 0, 0, 1, tzinfo=UTC), False),
    ],
)
def test_a_waiver_holds_through_the_end_of_its_last_day_in_utc(now: datetime, covered: bool) -> None:
    assert bool(report(FAILING, waiver(), now=now).waived) is covered


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({"hosts": ("desk1",)}, True),
        ({"hosts": ("desk",)}, False),
        ({"hosts": ("kiosks",)}, False),
        ({"groups": ("kiosks",)}, True),
        ({"groups": ("acme",)}, False),
        ({"clients": ("acme",)}, True),
        ({"clients": ("kiosks",)}, False),
    ],
)
def test_scopes_are_exact_names(scope: dict[str, Any], covered: bool) -> None:
    assert bool(report(FAILING, waiver(**scope)).waived) is covered


def test_a_host_without_a_client_is_in_no_client_s_scope() -> None:
    nobody = HostResult("desk1", HostState.REACHED, results=(result(USB, Outcome.FAIL),))
    assert report(sweep(nobody), waiver(clients=("acme",))).waived == {}


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2027, 5, 2), "not accepted: waiver w1 (ticket SEC-4711, until 2027-05-01) has expired"),
        (date(2026, 10, 31), "not accepted: waiver w1 (ticket SEC-4711, until 2027-05-01) has not begun"),
    ],
)
def test_a_failure_that_a_waiver_named_and_no_longer_covers_says_why_not(day: date, said: str) -> None:
    both = sweep(host("desk1", result(USB, Outcome.FAIL)), host("desk2", result(USB, Outcome.PASS)))
    found = report(both, waiver(hosts=("desk1", "desk2")), now=datetime(day.year, day.month, day.day, tzinfo=UTC))
    assert found.waivers is not None
    (standing,) = found.waivers
    assert (standing.covers, standing.suspended, standing.lapsed) == ((), (), ("desk1",))
    desk1, desk2 = both.hosts
    assert (uncovered(found, desk1), uncovered(found, desk2)) == ({USB: said}, {})
    assert "fails on 1 host: desk1" in table.render(found)
    rows = list(csv.DictReader(io.StringIO(as_csv.render(found))))
    assert [(row["waiver"], row["not_covered_because"]) for row in rows] == [("", said), ("", "")]
    jsonschema.validate(json.loads(as_json.render(found)), as_json.SCHEMA)


def test_of_two_waivers_the_longer_one_is_named() -> None:
    found = report(FAILING, waiver(1, expires=date(2027, 6, 1)), waiver(2, expires=date(2026, 12, 1)))
    assert found.waived["desk1", USB].id == "w1"
    assert found.waivers is not None
    assert [standing.waiver.id for standing in found.waivers] == ["w1", "w2"]


def test_the_screen_shows_both_scores_and_what_needs_attention_first() -> None:
    text = table.render(
        report(
            sweep(
                host("desk1", result(USB, Outcome.FAIL), result(SSH, Outcome.PASS)),
                host("desk2", result(USB, Outcome.FAIL), result(SSH, Outcome.FAIL, observed=None)),
            ),
            waiver(1), waiver(2, SSH, hosts=("desk2",)), waiver(3, LOGS),
            waiver(4, expires=date(2026, 11, 21)), waiver(5, expires=date(2026, 11, 30)),
        )
    )  # fmt: skip
    assert "Waivers at 2026-11-22T12:00:00Z: 1 in force, 1 expiring within 30 days, 1 suspended, 1 expired, " in text
    assert "1 with nothing to cover" in text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.startswith(("all ", "usb ", "theme "))}
    assert rows["all"] == ["all", "25", "%", "33", "%", "1", "3", ".", ".", ".", ".", "1"]
    assert rows["usb"][1:5] == ["0", "%", "0", "%"], "a waived failure is not a pass"
    places = [text.index(f"{word}: linux") for word in ("expired", "suspended", "expiring within 30 days", "in force")]
    assert places == sorted(places)
    fails = text[text.index("Fails:") :]
    assert "1 host: desk2" in fails
    assert "desk1" not in fails


def test_without_a_file_of_waivers_the_screen_speaks_of_none() -> None:
    text = table.render(Report(FAILING, Baseline("b", "B", "1.0.0", {}, ()), "2026-11-22T12:00:00Z"))
    assert "waive" not in text.lower()


def test_an_empty_file_of_waivers_is_told() -> None:
    assert "Waivers at 2026-11-22T12:00:00Z: none" in table.render(report(FAILING))


def test_the_page_of_a_host_names_the_waiver() -> None:
    found = report(FAILING, waiver())
    text = table.render_host(found.sweep.hosts[0], found.waived)
    assert "accepted until 2027-05-01 by Ben for Ana (waiver w1, ticket SEC-4711): scanner" in " ".join(text.split())


def test_json_and_csv_carry_the_waiver_and_keep_the_failure() -> None:
    found = report(FAILING, waiver())
    body = json.loads(as_json.render(found))
    jsonschema.validate(body, as_json.SCHEMA)
    assert body["summary"]["total"]["percent"] == 50.0
    assert body["summary"]["total"]["percent_with_waivers"] == 100.0
    assert body["summary"]["total"]["waived"] == 1
    assert body["summary"]["total"]["outcomes"]["fail"] == 1
    assert body["waivers"]["as_of"] == found.made
    (standing,) = body["waivers"]["standing"]
    assert (standing["state"], standing["covers"], standing["approver"]) == ("in_force", ["desk1"], "Ben")
    rows = list(csv.DictReader(io.StringIO(as_csv.render(found))))
    assert [(row["outcome"], row["waiver"], row["waived_until"]) for row in rows] == [
        ("fail", "w1", "2027-05-01"),
        ("pass", "", ""),
    ]


def test_hostile_words_of_a_waiver_do_not_reach_the_screen() -> None:
    words = Waiver(**{**{name: getattr(waiver(), name) for name in Waiver.__slots__}, "reason": "a\x1b[2Jb\u202ec"})
    assert "\x1b" not in table.render(report(FAILING, words))
    assert "\u202e" not in table.render(report(FAILING, words))
