"""Nothing that a host sent reaches a terminal or a spreadsheet raw."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.report.escape import csv_cell, term

SAFE = re.compile(r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]*$")


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=())))
def test_terminal_text_holds_no_control_character(text: str) -> None:
    assert SAFE.match(term(text))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("csi \x9b31m", "csi \\x9b31m"),
        ("two\nlines\r", "two\\x0alines\\x0d"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("plain Ünïcode 日本", "plain Ünïcode 日本"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_is_dangerous_is_shown(raw: str, shown: str) -> None:
    assert term(raw) == shown


@given(st.text(), st.sampled_from(["=", "+", "-", "@", " =", "'=", "\t=", "\uff1d"]))
def test_no_cell_is_a_formula(tail: str, head: str) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([csv_cell(head + tail)])
    cell = next(csv.reader(io.StringIO(out.getvalue())))[0]
    assert cell[0] not in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def test_an_ordinary_cell_stays_as_it_is() -> None:
    assert csv_cell("effective_min_length: found 8") == "effective_min_length: found 8"
