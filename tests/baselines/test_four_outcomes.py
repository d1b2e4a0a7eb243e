"""Every rule has a capture for each of the four ways it can end: pass, fail, unknown and notapplicable.

The captures are those of its probe, judged with the baseline's default values. A rule that has a meaning on every
Linux host is not applicable only where the inventory took another system for Linux: one capture serves them all. No
system but Windows answers by powershell.exe, so a rule that has a meaning on every Windows host always applies.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from hardencheck.baselines.load import load
from hardencheck.evaluate.assess import Assessor, Subject
from hardencheck.evaluate.judge import judge
from hardencheck.evaluate.observe import observe
from hardencheck.evidence.seal import seal
from hardencheck.model.baseline import Rule
from hardencheck.model.capture import Capture, Ended
from hardencheck.model.expectation import Expectation
from hardencheck.model.manifest import Manifest
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import HostState, Outcome, Platform
from hardencheck.model.roster import Roster
from hardencheck.probes import all_probes
from tests.probes.cases import all_cases, compose

BASELINE = load("bpo-core")
CASES = all_cases()
LINUX = [rule for rule in BASELINE.rules if Platform.LINUX in rule.platforms]
WINDOWS = [rule for rule in BASELINE.rules if Platform.WINDOWS in rule.platforms]
WANTED = {Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.NOTAPPLICABLE}


@cache
def foreign() -> dict[str, Outcome]:
    """Return every rule's outcome on a FreeBSD host, which answers the collector as far as it can."""
    runs = {
        "uname": {"text": "FreeBSD 14.3-RELEASE amd64\n"}, "uid": {"text": "0\n"}, "epoch": {"text": "1795305600\n"},
        "virt": {"status": 127}, "environ": {"status": 1}, "hostname": {"text": "switch\n"},
    }  # fmt: skip
    files = {"/etc/os-release": "NAME=FreeBSD\nID=freebsd\nVERSION_ID=14.3\n"}
    capture = Capture("linux.platform", compose({"runs": runs, "files": files}))
    sealed = seal(Manifest("h", Ended.CLOSED, {}, {}), {capture.probe_id: capture})
    assessor = Assessor(BASELINE, CASES[0].context.now, Roster(()))
    found = assessor.assess(Subject("h"), sealed.manifest, sealed.captures)
    assert found.state is not HostState.REACHED, "a host of which nothing was asked must not look compliant"
    return {result.rule_id: result.outcome for result in found.results}


@cache
def observations(probe_id: str) -> list[Observation]:
    """Return what a probe makes of each of its captures."""
    probe = all_probes()[probe_id]
    parameters = {name: BASELINE.values[name].default for name in probe.parameters}
    return [
        observe(probe, case.capture, replace(case.context, values={**parameters, **case.context.values}))
        for case in CASES
        if case.probe_id == probe_id
    ]


def seen(rule: Rule) -> set[Outcome]:
    """Return the outcomes of a rule on all captures of its probe."""
    values = {name: BASELINE.values[name].default for name in rule.values}
    expectation = Expectation(rule, all_probes()[rule.probe].facts, values)
    return {judge(rule, expectation, observation, None).outcome for observation in observations(rule.probe)}


@pytest.mark.parametrize("rule", LINUX, ids=lambda rule: rule.id)
def test_a_rule_can_end_in_four_ways(rule: Rule) -> None:
    missing = sorted(outcome.value for outcome in WANTED - seen(rule) - {foreign()[rule.id]})
    assert not missing, f"tests/data/probes/{rule.probe}.yaml has no case that ends in {missing}"


@pytest.mark.parametrize("rule", WINDOWS, ids=lambda rule: rule.id)
def test_a_windows_rule_can_pass_fail_and_stay_open(rule: Rule) -> None:
    missing = sorted(outcome.value for outcome in WANTED - seen(rule) - {Outcome.NOTAPPLICABLE})
    assert not missing, f"tests/data/probes/{rule.probe}.yaml has no case that ends in {missing}"


def test_there_are_the_rules_that_were_promised() -> None:
    assert len(LINUX) >= 60
    assert len(WINDOWS) >= 45
