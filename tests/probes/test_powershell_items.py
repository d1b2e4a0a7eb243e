"""What PowerShell writes, in all its shapes, becomes the same values; what it never writes is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.probes.powershell import Item, Key, as_bool, as_int, as_list, as_text, read
from tests.probes.cases import REFUSED, compose_windows, registry_key

END = '{"i":"@end"}\n'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def section(text: str) -> Capture:
    return Capture("windows.x", text.encode())


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ([1, 2], [1, 2]),
        ({"value": [1, 2], "Count": 2}, [1, 2]),
        ({"value": 1, "Count": 1}, [1]),
        ({"name": "one object in place of a list"}, [{"name": "one object in place of a list"}]),
        ([], []),
        (None, []),
        ("text", ["text"]),
    ],
)
def test_a_list_in_every_shape(written: Any, values: list[Any]) -> None:
    assert as_list(written) == values


@pytest.mark.parametrize(
    ("written", "truth"),
    [(True, True), (1, True), ("True", True), (False, False), (0, False), ("false", False), (2, None), (None, None),
     ("ja", None), ([], None), ({}, None), (-1, None)],
)  # fmt: skip
def test_a_truth_in_every_shape(written: Any, truth: bool | None) -> None:
    assert as_bool(written) is truth


@pytest.mark.parametrize(
    ("written", "number"),
    [(4, 4), ("22631", 22631), (4.0, 4), (4.5, None), (True, None), ("", None), ("٤", None), ("9" * 40, None),
     (None, None)],
)  # fmt: skip
def test_a_number_in_every_shape(written: Any, number: int | None) -> None:
    assert as_int(written) == number


@given(JSON)
def test_nothing_that_is_json_breaks_the_readers(value: Any) -> None:
    as_list(value), as_bool(value), as_int(value), as_text(value)
    found = read(section(json.dumps({"i": "x", "ok": True, "v": value}) + "\n" + END))
    with suppress(CaptureUnreadable):
        found.key("x")


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_or_read(data: bytes) -> None:
    with suppress(CaptureUnreadable):
        read(Capture("windows.x", data + END.encode()))


@pytest.mark.parametrize(
    "text",
    ["", "\n", '{"i":"x","ok":true,"v":1}\n', END + '{"i":"x","ok":true,"v":1}\n', "noise\n" + END,
     '{"i":"x","ok":true}\n{"i":"x","ok":true}\n' + END, '{"i":"x","ok":"yes"}\n' + END, "[" * 5000 + "\n" + END],
    ids=["empty", "blank", "no end", "end not last", "noise", "an item twice", "ok is no truth", "nested"],
)  # fmt: skip
def test_a_section_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(CaptureUnreadable):
        read(section(text))


def test_a_failure_is_told_without_the_language_of_the_host() -> None:
    german = {**REFUSED, "e": "Der Zugriff wurde verweigert."}
    found = read(Capture("windows.x", compose_windows({"errors": {"x": german}}))).item("x")
    assert not found.ok
    assert found.trouble == "x: the host refused access"
    other = Item("x", error="Microsoft.Management.Infrastructure.CimException", code=0x80041010)
    assert other.trouble == "x: CimException 0x80041010"


def test_the_code_of_a_cim_error_is_the_one_in_its_identifier() -> None:
    absent = {"t": "Microsoft.Management.Infrastructure.CimException", "h": -2146233088, "c": "MetadataError"}
    command = "Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand"
    codes = {"HRESULT 0x80041010," + command: 0x80041010, "MI RESULT 5," + command: 0x80131500, "": 0x80131500}
    for identifier, code in codes.items():
        found = read(Capture("windows.x", compose_windows({"errors": {"x": {**absent, "q": identifier}}}))).item("x")
        assert found.code == code


def test_registry_values_keep_their_types() -> None:
    about = {"path": r"SOFTWARE\X", "values": {"Number": -1, "Text": "1", "Many": ["a", "b"]}, "keys": ["Sub"]}
    written = {"x": registry_key(about), "absent": registry_key(r"SOFTWARE\Y")}
    found = read(Capture("windows.x", compose_windows({"items": written})))
    key, absent = found.key("x"), found.key("absent")
    assert isinstance(key, Key)
    assert isinstance(absent, Key)
    assert {name: (value.kind, value.data) for name, value in key.values.items()} == {
        "number": ("DWord", 2**32 - 1),
        "text": ("String", "1"),
        "many": ("MultiString", ("a", "b")),
    }
    assert key.get("NUMBER") is key.values["number"]
    assert key.keys == ("Sub",)
    assert not absent.exists
    assert absent.get("Number") is None
