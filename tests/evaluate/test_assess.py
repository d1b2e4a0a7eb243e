"""From captures to outcomes: what could not be seen is never a pass, whatever the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hardencheck.evaluate.assess import Assessment, Assessor, Subject
from hardencheck.evaluate.observe import observe
from hardencheck.evidence.seal import seal
from hardencheck.model.baseline import Baseline, Expected, Remediation, Rule, Tailoring, TailoringScope, Value
from hardencheck.model.capture import Capture, Ended
from hardencheck.model.manifest import Manifest
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import HostState, Level, Outcome, Platform, Severity, Status
from hardencheck.model.probe import Context, Probe, System
from hardencheck.probes import all_probes
from tests.probes.cases import compose

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ROOT = "root:x:0:0::/root:/bin/sh\n"
GOOD = {"files": {"/etc/passwd": ROOT}}
BAD = {"files": {"/etc/passwd": ROOT + "toor:x:0:0::/root:/bin/sh\n"}}


def platform(uid: int = 0, uname: str = "Linux 6.1.0 x86_64") -> Capture:
    runs = {
        "uname": {"text": f"{uname}\n"},
        "uid": {"text": f"{uid}\n"},
        "epoch": {"text": "1795305600\n"},
        "virt": {"status": 1},
        "environ": {"status": 1},
        "hostname": {"text": "h\n"},
    }
    files = {"/etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n'}
    return Capture("linux.platform", compose({"runs": runs, "files": files}))


def accounts(case: dict[str, Any]) -> Capture:
    return Capture("linux.accounts", compose(case))


RULE = Rule(
    id="linux-accounts-only-root-uid-zero",
    title="t",
    severity=Severity.HIGH,
    platforms=(Platform.LINUX,),
    theme="access",
    probe="linux.accounts",
    expect={"uid_zero_accounts": {"minItems": 1, "items": {"enum": {"$value": "roots"}}}},
    values=("roots",),
    rationale="",
    references={},
    remediation=Remediation("fix"),
    examples={},
)
ROOTS = Value("roots", "", ["root"], {"type": "array", "items": {"type": "string"}})
BASELINE = Baseline("b", "t", "1", {"roots": ROOTS}, (RULE,))


def assess(
    *captures: Capture,
    baseline: Baseline = BASELINE,
    ended: Ended = Ended.CLOSED,
    absent: dict[str, str] | None = None,
    groups: tuple[str, ...] = (),
) -> Assessment:
    sealed = seal(Manifest("h", ended, {}, absent or {}), {capture.probe_id: capture for capture in captures})
    return Assessor(baseline, NOW).assess(Subject("h", groups), sealed.manifest, sealed.captures)


def test_pass_and_fail_carry_reason_value_and_evidence() -> None:
    good = assess(platform(), accounts(GOOD))
    assert good.state is HostState.REACHED
    assert good.system == "Debian 12"
    assert good.results[0].outcome is Outcome.PASS
    bad = assess(platform(), accounts(BAD)).results[0]
    assert bad.outcome is Outcome.FAIL
    assert bad.values == {"roots": ["root"]}
    assert bad.evidence is not None
    assert "found toor" in bad.message
    assert "read from /etc/passwd:1, /etc/passwd:2" in bad.message


@pytest.mark.parametrize(
    ("capture", "outcome"),
    [
        (replace(accounts(GOOD), truncated=True), Outcome.UNKNOWN),
        (replace(accounts(GOOD), timed_out=True), Outcome.UNKNOWN),
        (Capture("linux.accounts", b""), Outcome.ERROR),
        (Capture("linux.accounts", b"@end\n"), Outcome.UNKNOWN),
        (Capture("linux.accounts", b"\xff\x00garbage"), Outcome.ERROR),
        (accounts({"unreadable": ["/etc/passwd"]}), Outcome.UNKNOWN),
    ],
)
def test_half_an_answer_is_never_a_pass(capture: Capture, outcome: Outcome) -> None:
    assert assess(platform(), capture).results[0].outcome is outcome


@pytest.mark.parametrize("ended", [Ended.DEADLINE, Ended.IDLE, Ended.FLOOD, Ended.LOST])
def test_a_section_that_did_not_arrive_is_unknown_and_the_host_partial(ended: Ended) -> None:
    found = assess(platform(), ended=ended)
    assert found.state is HostState.PARTIAL
    assert found.results[0].outcome is Outcome.UNKNOWN


def test_nothing_arrived_is_notchecked() -> None:
    found = assess()
    assert found.state is HostState.UNREACHABLE
    assert found.results[0].outcome is Outcome.NOTCHECKED


def test_what_a_host_said_instead_of_an_answer_is_told() -> None:
    silent = seal(Manifest("h", Ended.CLOSED, {}, {}, "WARNING: Your password has expired."), {})
    found = Assessor(BASELINE, NOW).assess(Subject("h"), silent.manifest, silent.captures)
    assert found.state is HostState.UNREACHABLE
    assert "the host says: WARNING: Your password has expired.; hardencheck doctor" in found.message


def test_a_refused_section_makes_the_host_partial() -> None:
    found = assess(platform(), absent={"linux.accounts": "its section is malformed"})
    assert (found.state, found.results[0].outcome) == (HostState.PARTIAL, Outcome.UNKNOWN)


def test_tailoring_changes_the_value_and_deselects() -> None:
    wide = Tailoring(groups={"legacy": TailoringScope(values={"roots": ["root", "toor"]})})
    tailored = replace(BASELINE, tailoring=wide)
    assert assess(platform(), accounts(BAD), baseline=tailored, groups=("legacy",)).results[0].outcome is Outcome.PASS
    assert assess(platform(), accounts(BAD), baseline=tailored).results[0].outcome is Outcome.FAIL
    off = replace(BASELINE, tailoring=Tailoring(hosts={"h": TailoringScope(deselect={RULE.id: "lab machine"})}))
    result = assess(platform(), accounts(BAD), baseline=off).results[0]
    assert (result.outcome, result.message) == (Outcome.NOTSELECTED, "lab machine")


def probe(parse: Any, needs_root: bool = False) -> Probe:
    facts = {"uid_zero_accounts": {"type": "array", "items": {"type": "string"}}}
    return Probe("linux.accounts", "t", Platform.LINUX, "", facts, parse, needs_root=needs_root)


@pytest.mark.parametrize(
    ("returned", "status"),
    [
        (Observation.of({}), Status.ERROR),
        (Observation.of({"uid_zero_accounts": "root"}), Status.ERROR),
        (Observation.of({"uid_zero_accounts": [], "more": 1}), Status.ERROR),
        (Observation.of({"uid_zero_accounts": ["\ud800"]}), Status.ERROR),
        (Observation.of({}, missing={"uid_zero_accounts": "why"}), Status.INCOMPLETE),
        (Observation.of({"uid_zero_accounts": []}), Status.COMPLETE),
    ],
)
def test_facts_are_held_against_the_probes_schema(returned: Observation, status: Status) -> None:
    context = Context(NOW, System(uid=0))
    assert observe(probe(lambda *_: returned), accounts(GOOD), context).status is status


def test_a_parser_that_breaks_is_an_error_and_ends_nothing() -> None:
    def broken(*_: object) -> Observation:
        raise IndexError("list index out of range")

    found = observe(probe(broken), accounts(GOOD), Context(NOW, System(uid=0)))
    assert found.status is Status.ERROR
    assert "IndexError" in found.reason


@pytest.mark.parametrize("uid", [1000, None])
def test_without_root_a_probe_that_needs_it_is_not_collected(uid: int | None) -> None:
    asked = probe(lambda *_: Observation.of({"uid_zero_accounts": ["root"]}), needs_root=True)
    assert observe(asked, accounts(GOOD), Context(NOW, System(uid=uid))).status is Status.NOT_COLLECTED


def test_a_host_that_is_not_what_the_inventory_says_proves_nothing() -> None:
    found = assess(platform(uname="FreeBSD 14.3-RELEASE amd64"), accounts(GOOD))
    assert found.state is HostState.PARTIAL, "it must not look like a host that was checked"
    assert found.reason == "other_platform"
    assert [result.outcome for result in found.results] == [Outcome.NOTAPPLICABLE]
    assert "FreeBSD" in found.results[0].message


def test_the_level_decides_and_the_result_says_which_it_was() -> None:
    literal = Expected({"uid_zero_accounts": {"maxItems": 0}}, (), {})
    rule = replace(RULE, levels={Level.LITERAL_STIG: literal})
    effective = replace(BASELINE, rules=(rule,))
    (result,) = assess(platform(), accounts(GOOD), baseline=effective).results
    assert (result.outcome, result.level) == (Outcome.PASS, Level.EFFECTIVE)
    (result,) = assess(platform(), accounts(GOOD), baseline=replace(effective, level=Level.LITERAL_STIG)).results
    assert (result.outcome, result.level) == (Outcome.FAIL, Level.LITERAL_STIG)


class Asked:
    """A probe that hands out what it was told, and counts how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, reads_roster: bool = False) -> None:
        self.contexts: list[Context] = []
        probe = all_probes()["linux.accounts"]
        strings = {"type": "array", "items": {"type": "string"}}
        mine = replace(
            probe, facts={"told": strings}, parse=self.parse, parameters={"roots": strings}, reads_roster=reads_roster
        )
        monkeypatch.setitem(all_probes(), "linux.accounts", mine)
        self.rule = replace(RULE, expect={"told": {"contains": {"const": "root"}}})
        self.baseline = replace(BASELINE, rules=(self.rule,))

    def parse(self, capture: Capture, context: Context) -> Observation:
        self.contexts.append(context)
        return Observation.of({"told": list(context.values["roots"])})


def test_a_parser_is_told_the_values_of_its_own_host(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch)
    desks = {"desks": TailoringScope({"roots": ["nobody"]})}
    baseline = replace(asked.baseline, tailoring=Tailoring(groups=desks))
    assert [r.outcome for r in assess(platform(), accounts(GOOD), baseline=baseline).results] == [Outcome.PASS]
    captures = {each.probe_id: each for each in (platform(), accounts(GOOD))}
    sealed = seal(Manifest("h", Ended.CLOSED, {}, {}), captures)
    assessor = Assessor(baseline, NOW)
    outcomes = [
        assessor.assess(Subject(name, groups, unit), sealed.manifest, sealed.captures).results[0].outcome
        for name, groups, unit in (("a", (), ""), ("b", ("desks",), ""), ("c", (), "sales"), ("d", (), "sales"))
    ]
    assert outcomes == [Outcome.PASS, Outcome.FAIL, Outcome.PASS, Outcome.PASS], "the same bytes, another value"
    assert [context.unit for context in asked.contexts[1:]] == ["", "", "sales"], "one answer for c and d"


def test_a_rule_of_the_roster_is_not_selected_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, reads_roster=True)
    (result,) = assess(platform(), accounts(GOOD), baseline=asked.baseline).results
    assert result.outcome is Outcome.NOTSELECTED
    assert "--roster" in result.message
    assert not asked.contexts
