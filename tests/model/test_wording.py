"""JSON values and expectations in plain words, safe to print whatever a host sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.model.wording import MAX_ITEMS, MAX_TEXT, capped, expected, shown

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=40,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (1.5, "1.5"),
        ("", "an empty text"),
        ("tcp/22", "tcp/22"),
        ("déjà vu", "déjà vu"),
        ([], "none"),
        (["a"], "a"),
        (["a", 1, None, True], "a, 1, nothing, yes"),
        ({"b": 1, "a": None}, '{"a": null, "b": 1}'),
        ({}, "{}"),
    ],
    ids=repr,
)
def test_a_value_in_words(value: Any, words: str) -> None:
    assert shown(value) == words


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\x00", r"a\x00"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("a\u200bb", r"a\u200bb"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
    ],
    ids=ascii,
)
def test_what_a_terminal_would_act_on_is_escaped(sent: str, words: str) -> None:
    assert shown(sent) == words
    assert shown([sent, "b"]) == f"{words}, b"


def test_long_texts_and_lists_are_cut_and_say_so() -> None:
    assert shown("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert shown("x" * (MAX_TEXT + 1)) == "x" * MAX_TEXT + "…"
    items = [f"i{number}" for number in range(MAX_ITEMS + 3)]
    assert shown(items) == ", ".join(items[:MAX_ITEMS]) + " and 3 more"
    assert shown(items[:MAX_ITEMS]) == ", ".join(items[:MAX_ITEMS])
    assert capped(items) == [*items[:MAX_ITEMS], "and 3 more"]
    assert capped(items[:MAX_ITEMS]) == items[:MAX_ITEMS]
    assert capped([]) == []


@given(JSON)
def test_whatever_it_is_it_is_said_in_one_printable_line(value: Any) -> None:
    words = shown(value)
    assert words
    assert words.isprintable()


@given(st.lists(JSON, max_size=60))
def test_a_cut_list_is_bounded(items: list[Any]) -> None:
    assert len(capped(items)) <= MAX_ITEMS + 1
    assert all(mine is given for mine, given in zip(capped(items)[:MAX_ITEMS], items, strict=False))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"const": True}, "yes"),
        ({"const": None}, "nothing"),
        ({"const": []}, "none"),
        ({"enum": ["a"]}, "a"),
        ({"enum": ["a", "b"]}, "one of a, b"),
        ({"enum": []}, "none"),
        ({"minimum": 15}, "at least 15"),
        ({"minimum": 0}, "at least 0"),
        ({"maximum": 0}, "at most 0"),
        ({"minimum": 0, "maximum": 48}, "between 0 and 48"),
        ({"minimum": 5, "maximum": 5}, "exactly 5"),
        ({"exclusiveMinimum": 0}, "more than 0"),
        ({"exclusiveMaximum": 10}, "less than 10"),
        ({"minimum": 1, "exclusiveMaximum": 10}, "at least 1 and less than 10"),
        ({"minLength": 1}, "at least 1 character"),
        ({"maxLength": 0}, "an empty text"),
        ({"minLength": 2, "maxLength": 4}, "between 2 and 4 characters"),
        ({"pattern": "^a\u202e"}, r"a text that matches ^a\u202e"),
        ({"maxItems": 0}, "none"),
        ({"minItems": 1}, "at least 1 item"),
        ({"minItems": 2}, "at least 2 items"),
        ({"maxItems": 3}, "at most 3 items"),
        ({"items": {"enum": ["root"]}}, "only root"),
        ({"items": {"enum": []}}, "none"),
        ({"items": {"const": "root"}}, "only root"),
        ({"minItems": 1, "items": {"enum": ["root", "toor"]}}, "only root, toor"),
        ({"minItems": 2, "items": {"enum": ["root"]}}, "at least 2 items and only root"),
        ({"items": {"pattern": "^a"}}, "every item a text that matches ^a"),
        ({"items": {"minLength": 1}}, "a list without empty texts"),
        ({"minItems": 1, "items": {"minLength": 1}}, "at least 1 item"),
        ({"contains": {"const": "a"}}, "a list with a"),
        ({"contains": {"enum": ["a", "b"]}}, "a list with at least one of a, b"),
        ({"not": {"const": "a"}}, "anything but a"),
        ({"anyOf": [{"const": 0}, {"minimum": 5}]}, "0 or at least 5"),
        ({"type": "integer"}, "a whole number"),
        ({"type": ["integer", "null"]}, "a whole number or nothing"),
        ({"type": ["integer", "null"], "minimum": 5}, "at least 5 or nothing"),
        ({"type": "array"}, "a list"),
    ],
    ids=str,
)
def test_an_expectation_in_words(schema: dict[str, Any], words: str) -> None:
    assert expected(schema) == words
