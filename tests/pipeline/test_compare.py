"""Why a verdict changed: each test changes one thing between two sweeps, and that thing alone is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardencheck.baselines.overlay import overlay
from hardencheck.baselines.snapshot import to_bytes
from hardencheck.evaluate.assess import Assessor, Subject
from hardencheck.evidence.seal import seal
from hardencheck.model.baseline import Baseline, Expected, Tailoring, TailoringScope
from hardencheck.model.capture import Capture, Ended, digest
from hardencheck.model.chain import Link
from hardencheck.model.change import Cause, Change, Comparison, Kind
from hardencheck.model.manifest import Manifest
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import HostState, Level, Outcome
from hardencheck.model.probe import Context
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.model.waiver import Waiver, observed_digest
from hardencheck.pipeline.compare import compare
from hardencheck.pipeline.sweep import timestamp
from hardencheck.probes import all_probes
from hardencheck.storage import HostRecord, Store, new_sweep_id, open_store
from tests.evaluate.test_assess import BAD, BASELINE, GOOD, RULE, accounts, platform

FIRST = datetime(2026, 11, 22, tzinfo=UTC)
WORSE = {"files": {"/etc/passwd": BAD["files"]["/etc/passwd"] + "toor2:x:0:0::/root:/bin/sh\n"}}

Put = Callable[..., Report]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "h.db") as opened:
        yield opened


@pytest.fixture
def put(store: Store) -> Put:
    """Return a function that stores a sweep of hosts that answered with these captures; None: not reached."""
    count = iter(range(100))

    def put(
        hosts: dict[str, tuple[Capture, ...] | None],
        *,
        baseline: Baseline = BASELINE,
        days: int = 0,
        groups: tuple[str, ...] = ("all",),
        script: str = "c",
    ) -> Report:
        started, snapshot = FIRST + timedelta(days), to_bytes(baseline)
        sweep = Sweep(
            new_sweep_id(started, f"{next(count):06x}"), timestamp(started), None, baseline.id, baseline.version,
            digest(snapshot), script * 64, hosts=tuple(HostResult(name, HostState.PENDING) for name in hosts),
        )  # fmt: skip
        assessor = Assessor(baseline, started)
        with store.lock(sweep.id):
            store.begin(sweep, snapshot)
            with store.writer() as writer:
                for name, captures in hosts.items():
                    subject = Subject(name, groups)
                    if captures is None:
                        lost = assessor.not_reached(subject, "no route")
                        host = HostResult(name, HostState.UNREACHABLE, "unreachable", groups=groups, results=lost)
                        writer.put(HostRecord(sweep.id, host))
                        continue
                    sealed = seal(Manifest(name, Ended.CLOSED, {}), {each.probe_id: each for each in captures})
                    found = assessor.assess(subject, sealed.manifest, sealed.captures)
                    host = HostResult(
                        name, found.state, found.reason, found.message, groups=groups, system=found.system,
                        manifest=sealed.digest, results=found.results,
                    )  # fmt: skip
                    writer.put(HostRecord(sweep.id, host, sealed.blobs))
            store.finish(sweep.id, timestamp(started), Link(len(store.envelopes()), b"envelope", sweep.id))
        return Report(store.sweep(sweep.id), baseline, sweep.started)

    return put


def one(found: Comparison) -> Change:
    (change,) = found.changes
    return change


def test_nothing_changed(store: Store, put: Put) -> None:
    found = compare(put({"h": (platform(), accounts(GOOD))}), put({"h": (platform(), accounts(GOOD))}, days=1), store)
    assert (found.changes, found.new, found.gone) == ((), (), ())


def test_the_host_changed(store: Store, put: Put) -> None:
    good, bad = put({"h": (platform(), accounts(GOOD))}), put({"h": (platform(), accounts(BAD))}, days=1)
    change = one(compare(good, bad, store))
    assert (change.kind, change.causes) == (Kind.NEW_FAILURE, (Cause.HOST,))
    assert (change.before, change.after) == (Outcome.PASS, Outcome.FAIL)
    back = one(compare(bad, good, store))
    assert (back.kind, back.causes) == (Kind.FIXED, (Cause.HOST,))


def test_another_value_that_fails_as_well(store: Store, put: Put) -> None:
    bad, worse = put({"h": (platform(), accounts(BAD))}), put({"h": (platform(), accounts(WORSE))}, days=1)
    change = one(compare(bad, worse, store))
    assert (change.kind, change.causes) == (Kind.VALUE, (Cause.HOST,))
    assert compare(bad, worse, store, values=False).changes == ()


def test_a_value_of_the_tailoring_changed_though_the_host_changed_too(store: Store, put: Put) -> None:
    wide = replace(BASELINE, tailoring=Tailoring(TailoringScope(values={"roots": ["root", "toor"]})))
    before = put({"h": (platform(), accounts(BAD))}, baseline=wide)
    other_epoch = Capture("linux.accounts", accounts(BAD).stdout, stderr=b"noise")
    change = one(compare(before, put({"h": (platform(), other_epoch)}, days=1), store))
    assert (change.kind, change.causes) == (Kind.NEW_FAILURE, (Cause.VALUE,))


def test_a_group_brings_another_value(store: Store, put: Put) -> None:
    legacy = Tailoring(groups={"legacy": TailoringScope(values={"roots": ["root", "toor"]})})
    by, same = replace(BASELINE, tailoring=legacy), {"h": (platform(), accounts(BAD))}
    change = one(compare(put(same, baseline=by, groups=("legacy",)), put(same, baseline=by, days=1), store))
    assert (change.kind, change.causes) == (Kind.NEW_FAILURE, (Cause.VALUE,))


def test_the_rule_changed(store: Store, put: Put) -> None:
    strict = replace(RULE, expect={"uid_zero_accounts": {"maxItems": 0}}, values=())
    by, same = replace(BASELINE, version="2", rules=(strict,)), {"h": (platform(), accounts(GOOD))}
    found = compare(put(same), put(same, baseline=by, days=1), store)
    assert Cause.RULE in one(found).causes
    assert Cause.HOST not in one(found).causes
    assert (found.baseline_before, found.baseline_after) == ("b 1", "b 2")


def test_a_rule_that_was_deselected_or_is_new(store: Store, put: Put) -> None:
    same = {"h": (platform(), accounts(BAD))}
    off = replace(BASELINE, tailoring=Tailoring(TailoringScope(deselect={RULE.id: "ticket"})))
    change = one(compare(put(same), put(same, baseline=off, days=1), store))
    assert (change.after, change.causes, change.kind) == (Outcome.NOTSELECTED, (Cause.RULE,), Kind.OTHER)
    extra = replace(RULE, id="linux-accounts-other")
    more = replace(BASELINE, rules=(RULE, extra))
    added = one(compare(put(same, days=2), put(same, baseline=more, days=3), store))
    assert (added.rule_id, added.before, added.causes) == (extra.id, None, (Cause.RULE,))


def test_the_level_changed(store: Store, put: Put) -> None:
    rule = replace(RULE, levels={Level.LITERAL_STIG: Expected({"uid_zero_accounts": {"maxItems": 0}}, (), {})})
    by, same = replace(BASELINE, rules=(rule,)), {"h": (platform(), accounts(GOOD))}
    found = compare(put(same, baseline=by), put(same, baseline=replace(by, level=Level.LITERAL_STIG), days=1), store)
    assert one(found).causes[0] is Cause.LEVEL
    assert Cause.HOST not in one(found).causes


def test_the_probe_reads_otherwise(store: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    same = {"h": (platform(), accounts(GOOD))}
    before = put(same)
    probe = all_probes()["linux.accounts"]

    def stricter(capture: Capture, context: Context) -> Observation:
        found = probe.parse(capture, context)
        return replace(found, facts={**found.facts, "uid_zero_accounts": ["root", "ghost"]})

    monkeypatch.setitem(all_probes(), "linux.accounts", replace(probe, parse=stricter, version=2))
    after = put(same, days=1)
    assert one(compare(before, after, store)).causes == (Cause.PROBE,)
    monkeypatch.setitem(all_probes(), "linux.accounts", probe)
    assert one(compare(before, after, store)).causes[0] is Cause.PROBE, "also when read with another version again"


def test_the_same_answer_grew_older(store: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = all_probes()["linux.accounts"]

    def ageing(capture: Capture, context: Context) -> Observation:
        found = probe.parse(capture, context)
        old = context.now > FIRST + timedelta(hours=1)
        return replace(found, facts={**found.facts, "uid_zero_accounts": ["old"] if old else ["root"]})

    monkeypatch.setitem(all_probes(), "linux.accounts", replace(probe, parse=ageing))
    same = {"h": (platform(), accounts(GOOD))}
    assert one(compare(put(same), put(same, days=1), store)).causes == (Cause.TIME,)


def test_a_rule_that_this_version_cannot_judge_any_more_is_put_down_to_it(
    store: Store, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = put({"h": (platform(), accounts(GOOD))})
    probe = all_probes()["linux.accounts"]
    facts = {"renamed": probe.facts["uid_zero_accounts"]}
    renamed = replace(probe, facts=facts, parse=lambda *_: Observation.of({"renamed": ["root", "toor"]}))
    monkeypatch.setitem(all_probes(), "linux.accounts", renamed)
    rule = replace(RULE, expect={"renamed": RULE.expect["uid_zero_accounts"]})
    after = put({"h": (platform(), accounts(GOOD))}, baseline=replace(BASELINE, version="2", rules=(rule,)), days=1)
    assert one(compare(before, after, store)).causes == (Cause.PROBE, Cause.RULE)


def test_privilege_was_lost(store: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = all_probes()["linux.accounts"]
    monkeypatch.setitem(all_probes(), "linux.accounts", replace(probe, needs_root=True))
    before = put({"h": (platform(), accounts(GOOD))})
    after = put({"h": (platform(uid=1000), accounts(GOOD))}, days=1)
    change = one(compare(before, after, store))
    assert (change.after, change.kind, change.causes) == (Outcome.UNKNOWN, Kind.LOST, (Cause.PRIVILEGE,))
    assert one(compare(after, before, store)).causes == (Cause.PRIVILEGE,)


@pytest.mark.parametrize("after", [None, (platform(),)])
def test_the_host_or_a_part_of_its_answer_was_not_there(
    after: tuple[Capture, ...] | None, store: Store, put: Put
) -> None:
    change = one(compare(put({"h": (platform(), accounts(BAD))}), put({"h": after}, days=1), store))
    assert (change.kind, change.causes) == (Kind.LOST, (Cause.COVERAGE,))


def test_hosts_of_one_sweep_alone_are_named_and_not_compared(store: Store, put: Put) -> None:
    same = (platform(), accounts(GOOD))
    found = compare(put({"a": same, "b": same}), put({"b": same, "c": same}, days=1), store)
    assert (found.gone, found.new, found.changes) == (("a",), ("c",), ())


def test_another_script_for_the_same_questions_is_named_beside_the_host(store: Store, put: Put) -> None:
    before = put({"h": (platform(), accounts(GOOD))})
    after = put({"h": (platform(), accounts(BAD))}, days=1, script="d")
    assert one(compare(before, after, store)).causes == (Cause.HOST, Cause.PROBE)


def test_a_waiver_that_began_or_ended(store: Store, put: Put) -> None:
    same = {"h": (platform(), accounts(BAD))}
    first, second, third = put(same), put(same, days=1), put(same, days=2)
    (result,) = first.sweep.hosts[0].results
    day = (FIRST + timedelta(1)).date()
    waiver = Waiver("w", RULE.id, "r", "t", "a", "b", day, day, "c", frozenset({observed_digest(result)}), ("h",))

    def then(report: Report) -> Report:
        covered, standings = overlay(report.sweep, [waiver], datetime.fromisoformat(report.made))
        return replace(report, waived=covered, waivers=standings)

    began = one(compare(then(first), then(second), store))
    assert (began.kind, began.causes, began.waived_after) == (Kind.WAIVED, (Cause.WAIVER,), True)
    ended = one(compare(then(second), then(third), store))
    assert (ended.kind, ended.causes) == (Kind.NEW_FAILURE, (Cause.WAIVER,))
