from __future__ import annotations

from dataclasses import replace

import pytest

from hardencheck.model.outcome import Outcome, Severity
from hardencheck.model.sweep import Finding
from hardencheck.storage import HostRecord, Store
from tests.storage import samples

NIGHTS = [f"2026-11-{day:02}T01:30:00Z" for day in range(1, 10)]


def nights(store: Store, *outcomes: Outcome | None) -> Finding | None:
    """Store one sweep a night in which `rule-a` came out as given (None: not in the baseline); return its finding."""
    for number, outcome in enumerate(outcomes):
        planned = samples.sweep("agent1", sweep_id=f"night-{number}", started=NIGHTS[number])
        samples.observed(store, planned, rule_z=Outcome.PASS, **({} if outcome is None else {"rule_a": outcome}))
    found = store.findings("all")
    assert len(found) < 2
    return found[0] if found else None


def test_a_fail_opens_a_finding_and_later_fails_are_seen(store: Store) -> None:
    assert nights(store, Outcome.PASS, Outcome.FAIL, Outcome.FAIL) == Finding(
        "agent1", "rule-a", Severity.HIGH, NIGHTS[1], NIGHTS[2], None, 0, "fail"
    )


@pytest.mark.parametrize("closing", [Outcome.PASS, Outcome.FIXED])
def test_only_what_was_put_right_closes(store: Store, closing: Outcome) -> None:
    found = nights(store, Outcome.FAIL, closing, Outcome.PASS)
    assert found is not None
    assert (found.last_seen, found.closed) == (NIGHTS[0], NIGHTS[1])


@pytest.mark.parametrize(
    "outcome", [*sorted(set(Outcome) - {Outcome.FAIL, Outcome.PASS, Outcome.FIXED}), None], ids=str
)
def test_what_could_not_be_told_or_is_not_asked_any_more_closes_nothing(store: Store, outcome: Outcome | None) -> None:
    found = nights(store, Outcome.FAIL, outcome)
    assert found is not None
    assert (found.last_seen, found.closed, found.message) == (NIGHTS[0], None, "fail")


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.FAIL}))
def test_nothing_but_a_fail_opens(store: Store, outcome: Outcome) -> None:
    assert nights(store, outcome) is None


def test_a_finding_that_comes_back_is_reopened_and_keeps_its_first_day(store: Store) -> None:
    fail, fine = Outcome.FAIL, Outcome.PASS
    assert nights(store, fail, fine, fail, fail, fine, fail) == Finding(
        "agent1", "rule-a", Severity.HIGH, NIGHTS[0], NIGHTS[5], None, 2, "fail"
    )


def test_a_pass_of_an_older_sweep_closes_nothing(store: Store) -> None:
    for started, outcome in ((NIGHTS[4], Outcome.FAIL), (NIGHTS[2], Outcome.PASS)):
        samples.observed(store, samples.sweep("agent1", sweep_id=started, started=started), rule_a=outcome)
    assert [each.closed for each in store.findings("all")] == [None]


def test_a_fail_of_a_resumed_older_sweep_opens_again_and_time_does_not_run_backwards(store: Store) -> None:
    outcomes = ((NIGHTS[3], Outcome.FAIL), (NIGHTS[4], Outcome.PASS), (NIGHTS[2], Outcome.FAIL))
    for started, outcome in outcomes:
        samples.observed(store, samples.sweep("agent1", sweep_id=started, started=started), rule_a=outcome)
    (found,) = store.findings()
    assert (found.opened, found.last_seen, found.closed, found.reopened) == (NIGHTS[3], NIGHTS[3], None, 1)


def test_message_and_severity_are_those_last_seen(store: Store) -> None:
    for number, (message, severity) in enumerate((("found 8", Severity.LOW), ("found 6", Severity.HIGH))):
        planned = samples.sweep("agent1", sweep_id=f"night-{number}", started=NIGHTS[number])
        result = replace(samples.rule_result("rule-a", Outcome.FAIL, message=message), severity=severity)
        samples.run(store, planned, samples.record("agent1", result, sweep_id=planned.id))
    assert [(each.message, each.severity) for each in store.findings()] == [("found 6", Severity.HIGH)]


def test_findings_are_chosen_by_state_host_and_rule(store: Store) -> None:
    names = [f"agent{number:04}" for number in range(1200)]
    planned = samples.sweep(*names, started=NIGHTS[0])
    both = (samples.rule_result("rule-a", Outcome.FAIL), samples.rule_result("rule-b", Outcome.FAIL))
    hosts = [replace(samples.unreachable(name), results=both) for name in names]
    samples.run(store, planned, *(HostRecord(planned.id, host) for host in hosts))
    later = samples.sweep("agent0007", sweep_id="night-1", started=NIGHTS[1])
    samples.run(store, later, samples.record("agent0007", samples.rule_result("rule-a"), sweep_id=later.id))

    assert len(store.findings()) == 2399
    assert [(each.host, each.rule_id) for each in store.findings("closed")] == [("agent0007", "rule-a")]
    assert [each.host for each in store.findings("all", rules={"rule-b"})] == names
    assert [each.host for each in store.findings(hosts=[*reversed(names), "nobody"], rules=["rule-a"])] == [
        name for name in names if name != "agent0007"
    ]
    assert store.findings(hosts=[]) == ()
    assert store.findings(rules=[]) == ()
