"""Which place decides a setting on Windows, and who put it there."""

from __future__ import annotations

from typing import Any

import pytest

from hardencheck.model.capture import Capture
from hardencheck.probes.powershell import Section, read
from hardencheck.probes.windows.settings import Place, Setting, decide
from tests.probes.cases import compose_windows

PLACES = [Place("policy", "Limit"), Place("mdm", "Limit", "mdm"), Place("local", "Limit", "local")]
GPO = "cn={31B2F340-016D-11D2-945F-00C04FB984F9},cn=policies,cn=system,DC=lab,DC=example"


def section(**values: Any) -> Section:
    """Return a section with the value Limit in some keys; `refused` is a key that cannot be read.

    `conflict` is MDMWinsOverGP; a section without it does not ask for that key.
    """
    registry, errors = {}, {}
    for name in ("policy", "mdm", "local", *({"conflict"} & values.keys())):
        value, limit = values.get(name), "MDMWinsOverGP" if name == "conflict" else "Limit"
        if value == "refused":
            errors[name] = "refused"
        else:
            registry[name] = rf"K\{name}" if value is None else {"path": rf"K\{name}", "values": {limit: value}}
    return read(Capture("windows.x", compose_windows({"registry": registry, "errors": errors})))


@pytest.mark.parametrize(
    ("there", "value", "words"),
    [
        ({"policy": 1, "mdm": 1, "local": 3}, 1, r"HKLM\K\policy\Limit, set by a policy that is not known"),
        ({"policy": {"k": "DWord", "v": 1, "s": GPO}}, 1, "set by group policy {31B2F340-016D-11D2-945F-00C04FB984F9}"),
        ({"policy": {"k": "DWord", "v": 1, "s": "LocalGPO"}}, 1, "set by local group policy"),
        ({"mdm": 2, "local": 3}, 2, "set by device management"),
        ({"local": 3}, 3, "set on the host"),
        ({}, 7, "default of Windows: seven"),
    ],
)
def test_the_first_place_that_holds_it_decides(there: dict[str, Any], value: int, words: str) -> None:
    found = decide(section(**there), PLACES, 7, "seven")
    assert (found.value, found.why) == (value, "")
    assert words in found.source


def test_a_place_that_cannot_be_read_leaves_it_open_unless_a_stronger_one_decides() -> None:
    assert decide(section(policy="refused", local=3), PLACES, 7).why == "policy: the host refused access"
    assert decide(section(policy=1, local="refused"), PLACES, 7).value == 1


@pytest.mark.parametrize(
    ("there", "value", "words"),
    [
        ({"conflict": None}, 1, "set by a policy"),
        ({"conflict": 0}, 1, "set by a policy"),
        ({"conflict": 1}, 2, "set by device management"),
        ({"conflict": 1, "mdm": None}, 1, "set by a policy"),
        ({"conflict": 0, "mdm": "refused"}, 1, "set by a policy"),
        ({"conflict": 1, "mdm": "refused"}, None, "mdm: the host refused access"),
        ({"conflict": "refused"}, None, "conflict: the host refused access"),
        ({"conflict": "refused", "mdm": 1}, 1, "set by a policy"),
        ({}, None, "set by device management, say two things"),
        ({"mdm": "refused"}, None, "mdm: the host refused access"),
    ],
)
def test_group_policy_goes_before_device_management_unless_that_was_told_to_win(
    there: dict[str, Any], value: int | None, words: str
) -> None:
    found = decide(section(**{"policy": 1, "mdm": 2, "local": 3} | there), PLACES, 7)
    assert found.value == value
    assert words in found.source + found.why
    assert bool(found.why) == (value is None)


@pytest.mark.parametrize(
    "odd", ["1", ["1"], {"k": "QWord", "v": 1}, {"k": "DWord", "v": "x"}, {"k": "Binary", "v": "01"}]
)
def test_a_value_of_another_type_is_not_guessed_at(odd: Any) -> None:
    found = decide(section(policy=odd), PLACES, 7)
    assert found.value is None
    assert "expected REG_DWORD" in found.why


def test_a_default_that_nobody_can_tell_leaves_it_open() -> None:
    assert decide(section(), PLACES, None, "it depends on the edition") == Setting(
        None, why="it depends on the edition"
    )
