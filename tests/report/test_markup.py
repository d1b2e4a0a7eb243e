"""Nothing that a host sent can break XML, add to it, or hide in it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from hardencheck.report.markup import DECLARATION, element, text
from tests.report.material import HOSTILE
from tests.report.test_escape import SAFE

ANYTHING = st.text(alphabet=st.characters(codec=None, exclude_categories=()))


@given(ANYTHING)
def test_any_text_comes_back_as_one_text(said: str) -> None:
    parsed = ET.fromstring(element("a", text(said), told=said).encode())
    assert not list(parsed)
    assert all(SAFE.match(line) for line in (parsed.text or "").split("\n"))
    assert SAFE.match(parsed.attrib["told"])
    assert (parsed.text or "").count("\n") == said.count("\n")


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1))
def test_plain_text_comes_back_as_it_was(said: str) -> None:
    parsed = ET.fromstring(element("a", text(said), told=said))
    assert (parsed.text, parsed.attrib["told"]) == (said, said)


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    parsed = ET.fromstring((DECLARATION + element("a", element("b", text(HOSTILE)))).encode())
    shown = parsed.findtext("b")
    assert shown is not None
    assert shown.startswith(r"\x1b[31mred\x1b[0m <script>alert(1)</script> ]]> <!-- &amp; &#0; \x00 ")
    assert r"\ud800 \ufffe \u202egnp.exe\u202c" in shown
    assert shown.split("\n")[1] == r"second line\x09tab " + "\U0001f600"


def test_an_attribute_that_is_none_is_left_out() -> None:
    assert element("a", one=None, two=2) == '<a two="2"/>\n'
