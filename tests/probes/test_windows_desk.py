"""The smaller Windows probes for desk, media and encryption: whatever a host answers, no parser crashes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.probe import Context, System, WindowsSystem
from hardencheck.probes import all_probes
from tests.probes.cases import REFUSED, compose_windows

KNOWN = all_probes()
PROBES = [
    "windows.autoplay", "windows.bitlocker_startup", "windows.desk_devices", "windows.firmware_trust",
    "windows.lock_screen", "windows.remote_assistance", "windows.remote_redirection", "windows.removable_scan",
    "windows.volume_encryption",
]  # fmt: skip
SYSTEM = System(distribution="windows", windows=WindowsSystem(build=22631, role="workstation", core=False))
CONTEXT = Context(now=datetime(2026, 11, 22, tzinfo=UTC), system=SYSTEM)


def items(probe_id: str) -> tuple[dict[str, list[str]], list[str]]:
    """Return a script's registry items with the values that each reads, and its other items."""
    script = KNOWN[probe_id].script.replace("`\n", "")
    keys = {}
    for name, rest in re.findall(r"^Registry '(\w+)' '[^']+' +(.+)$", script, re.M):
        keys[name] = [word.strip(" '") for word in rest.split(",")]
    return keys, re.findall(r"^(?:List|Item) '(\w+)'", script, re.M)


VALUES = st.one_of(
    st.integers(-2, 2**33),
    st.sampled_from(["0", "1", "Deny", "b2b3f03d-6a65-4f7b-a9c7-1c7ef74a9ba4=1|=", "\x1b[2J"]),
    st.lists(st.text(max_size=3), max_size=2),
    st.fixed_dictionaries({"k": st.sampled_from(["DWord", "String", "Binary", "None"]), "v": st.none() | st.text()}),
)
ROWS = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 8) | st.sampled_from(["C:\\", "V1", "\\\\?\\V", "2.0, 0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "name",
                    "system",
                    "protection",
                    "conversion",
                    "method",
                    "enabled",
                    "activated",
                    "owned",
                    "version",
                    "driver",
                    "problem",
                    "mode",
                    "removable",
                    "ids",
                    "actions",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("probe_id", PROBES)
@given(data=st.data())
def test_no_answer_crashes_a_parser(probe_id: str, data: st.DataObject) -> None:
    keys, others = items(probe_id)
    case: dict[str, Any] = {"registry": {}, "items": {}, "errors": {}}
    for name, values in keys.items():
        drawn = data.draw(st.none() | st.just("refused") | st.dictionaries(st.sampled_from(values), VALUES))
        if drawn == "refused":
            case["errors"][name] = REFUSED
        else:
            case["registry"][name] = name if drawn is None else {"path": name, "values": drawn}
    for name in others:
        case["items"][name] = data.draw(ROWS)
    probe = KNOWN[probe_id]
    observation = probe.parse(Capture(probe_id, compose_windows(case), b"", 0), CONTEXT)
    if observation.facts:
        assert set(observation.facts) | set(observation.missing) == set(probe.facts)


def volumes(protected: Any) -> Observation:
    """Judge a host with one volume that BitLocker says this of."""
    case = {"items": {"volumes": [{"id": "V1", "name": "C:\\"}], "protected": protected, "feature": []}}
    probe = KNOWN["windows.volume_encryption"]
    return probe.parse(Capture(probe.id, compose_windows(case), b"", 0), CONTEXT)


@pytest.mark.parametrize("state", [None, "1", 3, True, -1, 2**32 + 1, {}, [1]])
def test_only_the_number_one_is_protection(state: Any) -> None:
    observation = volumes([{"id": "V1", "protection": state, "method": 7}])
    assert (observation.facts.get("unencrypted_volumes") == []) is (state == "1")


def test_too_many_volumes_are_not_judged() -> None:
    rows = [{"id": f"V{n}", "name": f"C:\\{n}\\", "protection": 1, "method": 7} for n in range(64)]
    case = {"items": {"volumes": rows, "protected": rows, "feature": []}}
    probe = KNOWN["windows.volume_encryption"]
    observation = probe.parse(Capture(probe.id, compose_windows(case), b"", 0), CONTEXT)
    assert set(observation.missing) == set(probe.facts)
