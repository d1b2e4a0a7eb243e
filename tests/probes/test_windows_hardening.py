"""Probes of remote access and hardening: no answer crashes them, and what a host hides never makes a rule pass."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.baselines.load import load
from hardencheck.errors import CaptureUnreadable
from hardencheck.evaluate.judge import judge
from hardencheck.model.baseline import Rule
from hardencheck.model.expectation import Expectation
from hardencheck.model.outcome import Outcome
from hardencheck.probes import all_probes
from tests.probes.cases import DATA, REFUSED, Case, cases

BASELINE = load("bpo-core")
AREAS = (
    "anonymous_access", "cached_logons", "credential_guard", "credentials", "features", "installer", "logon_banner",
    "print_spooler", "remote_desktop", "remote_local_administrators", "smartscreen", "smb", "unneeded_software",
    "user_account_control", "winrm",
)  # fmt: skip
CASES = [case for area in AREAS for case in cases(DATA / f"windows.{area}.yaml")]
RULES = [rule for rule in BASELINE.rules if rule.probe.removeprefix("windows.") in AREAS]
#: what Windows says of itself; where it is silent, the registry may well say that all is good
WITNESSES = {"windows.smb": {"server", "client", "feature", "sharing"}, "windows.winrm": {"live"}}
#: a program that is not seen any more leaves the others: the rule still fails, or is unknown
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def lines(case: Case) -> list[dict[str, Any]]:
    return [json.loads(line) for line in case.capture.stdout.splitlines()]


def altered(case: Case, items: list[dict[str, Any]]) -> Case:
    stdout = "".join(json.dumps(item) + "\n" for item in items).encode("ascii")
    return replace(case, capture=replace(case.capture, stdout=stdout))


def outcome(rule: Rule, case: Case) -> Outcome:
    probe = all_probes()[rule.probe]
    values = {name: BASELINE.values[name].default for name in probe.parameters}
    context = replace(case.context, values={**values, **case.context.values})
    expectation = Expectation(rule, probe.facts, {name: BASELINE.values[name].default for name in rule.values})
    return judge(rule, expectation, probe.parse(case.capture, context), None).outcome


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_is_hidden_never_makes_a_rule_pass(rule: Rule) -> None:
    for case in (case for case in CASES if case.probe_id == rule.probe):
        if outcome(rule, case) is not Outcome.FAIL:
            continue
        items = lines(case)
        for number, item in enumerate(items):
            if item["i"] == "@end" or item["i"] in WITNESSES.get(rule.probe, ()):
                continue
            hidden = [*items[:number], {"i": item["i"], "ok": False, **REFUSED}, *items[number + 1 :]]
            assert outcome(rule, altered(case, hidden)) is not Outcome.PASS, f"{case.name}: {item['i']} is hidden"


@pytest.mark.parametrize("area", AREAS)
@settings(max_examples=60)
@given(data=st.data())
def test_no_answer_crashes_a_parser(area: str, data: st.DataObject) -> None:
    probe = all_probes()[f"windows.{area}"]
    case = data.draw(st.sampled_from([case for case in CASES if case.probe_id == probe.id and case.facts]))
    items = lines(case)
    for item in items:
        if item["i"] != "@end" and data.draw(st.booleans()):
            item["ok"], item["v"] = True, data.draw(_like(item.get("v")))
    values = {name: BASELINE.values[name].default for name in probe.parameters}
    try:
        found = probe.parse(altered(case, items).capture, replace(case.context, values=values))
    except CaptureUnreadable:
        return
    for name, fact in found.facts.items():
        jsonschema.Draft202012Validator(dict(probe.facts[name])).validate(fact)


def _like(value: Any) -> st.SearchStrategy[Any]:
    """Return anything at all, or the same hashtable with anything at its leaves."""
    if not isinstance(value, dict):
        return VALUES
    return VALUES | st.fixed_dictionaries({name: st.just(inner) | _like(inner) for name, inner in value.items()})
