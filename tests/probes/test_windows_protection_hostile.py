"""A host that answers nonsense about its protection breaks no parser, and nothing becomes a pass of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.probes import all_probes
from tests.probes.cases import Case, all_cases

IDS = {
    "windows.firewall", "windows.firewall_rules", "windows.antivirus", "windows.defender", "windows.sensors",
    "windows.name_resolution", "windows.foreign_networks", "windows.open_hotspots",
}  # fmt: skip
CASES = [case for case in all_cases() if case.probe_id in IDS and case.capture.stdout]
#: facts whose one good value means that something protects
GOOD = {"active": True, "tamper_protected": True, "asks_cloud": True, "network_protection": "block"}

nonsense = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def spoiled(case: Case, item: int, value: Any) -> Capture:
    lines = [json.loads(line) for line in case.capture.stdout.splitlines()]
    lines[item % (len(lines) - 1)] |= {"ok": True, "v": value}
    return Capture(case.probe_id, "".join(json.dumps(line) + "\n" for line in lines).encode("ascii"), b"", 0)


@settings(max_examples=300)
@given(st.sampled_from(CASES), st.integers(0, 50), nonsense)
def test_nonsense_is_read_or_refused(case: Case, item: int, value: Any) -> None:
    try:
        observation = all_probes()[case.probe_id].parse(spoiled(case, item, value), case.context)
    except CaptureUnreadable:
        return
    assert not set(observation.facts) & set(observation.missing)


@pytest.mark.parametrize("value", [None, [], {}, "", 0, [None], [[]]], ids=repr)
@pytest.mark.parametrize("item", ["status", "preference"])
def test_an_empty_answer_protects_nothing(item: str, value: Any) -> None:
    case = next(case for case in CASES if case.probe_id == "windows.defender" and case.name.startswith("all as it"))
    lines = [json.loads(line) for line in case.capture.stdout.splitlines()]
    at = next(number for number, line in enumerate(lines) if line["i"] == item)
    observation = all_probes()["windows.defender"].parse(spoiled(case, at, value), case.context)
    spoiled_facts = {"status": {"active", "tamper_protected"}, "preference": {"asks_cloud", "network_protection"}}[item]
    for name in spoiled_facts:
        assert observation.facts.get(name) != GOOD[name]
