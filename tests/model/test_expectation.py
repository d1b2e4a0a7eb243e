"""What a rule's `expect` means: closed types, plain words, and two validators that agree on every keyword."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.model.baseline import Remediation, Rule
from hardencheck.model.expectation import KEYWORDS, Expectation, ExpectationError, _explain, value_ids
from hardencheck.model.outcome import Platform, Severity

FACTS: dict[str, dict[str, Any]] = {
    "length": {"type": ["integer", "null"]},
    "ratio": {"type": ["number", "null"]},
    "on": {"type": ["boolean", "null"]},
    "name": {"type": ["string", "null"]},
    "mode": {"enum": ["strict", "loose", None]},
    "ports": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
    "mixed": {"type": ["integer", "string"]},
    "users": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "days": {"type": ["integer", "null"]}},
            "required": ["name", "days"],
            "additionalProperties": False,
        },
    },
}
VALUES = {"least": 15, "open": ["tcp/22", "tcp/443"], "nobody": [], "words": "fifteen"}


def expectation(expect: dict[str, Any], values: dict[str, Any] | None = None) -> Expectation:
    rule = Rule(
        id="linux-example",
        title="An example",
        severity=Severity.HIGH,
        platforms=(Platform.LINUX,),
        theme="example",
        probe="linux.example",
        expect=expect,
        values=value_ids(expect),
        rationale="",
        references={},
        remediation=Remediation(""),
        examples={},
    )
    return Expectation(rule, FACTS, VALUES if values is None else values)


@pytest.mark.parametrize(
    ("schema", "fact", "good", "bad"),
    [
        ({"minimum": 15}, "length", [15, 15.0, 10**30], [14, None, "15", "", {}, [], True, [15], {"minimum": 15}]),
        ({"minimum": 0}, "length", [0], [False, None, "", [], {}]),
        ({"const": 1}, "length", [1, 1.0], [True, "1", 2, None]),
        ({"enum": [0, 1]}, "length", [0, 1], [False, True, None]),
        ({"const": True}, "on", [True], [False, 1, 1.0, "true", "yes", None]),
        ({"const": False}, "on", [False], [True, 0, 0.0, "", [], None]),
        ({"type": "integer"}, "length", [0], [None, True, "0", 0.5]),
        ({"type": ["integer", "null"], "minimum": 5}, "length", [5, None], [4, "5"]),
        ({"anyOf": [{"const": None}, {"minimum": 5}]}, "length", [5, None], [4, "5", True]),
        ({"anyOf": [{"maximum": 0}, {"minimum": 90}]}, "length", [0, 90], [1, None]),
        ({"enum": ["strict", None]}, "mode", ["strict", None], ["loose", "", 0]),
        ({"not": {"const": "loose"}}, "mode", ["strict"], ["loose", None, 0, []]),
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 1}, "ratio", [0.5], [0, 1, True, None, "0.5"]),
        ({"pattern": "^a"}, "name", ["a", "ab"], ["b", "", None, 1, ["a"]]),
        ({"minLength": 2, "maxLength": 3}, "name", ["ab", "é😀"], ["a", "abcd", None, ["a", "b"]]),
        ({"maxItems": 0}, "ports", [[]], [["x"], None, {}, "", 0]),
        ({"minItems": 1}, "ports", [["x"]], [[], [None], [1], None, "x", {"a": 1}]),
        ({"items": {"enum": ["a"]}}, "ports", [[], ["a", "a"]], [["b"], [None], None]),
        ({"items": {"enum": ["a", None]}}, "ports", [["a", None]], [["b"], [1]]),
        ({"contains": {"const": "a"}}, "ports", [["b", "a"]], [[], ["b"], ["a", None], None]),
        ({"not": {"contains": {"const": "a"}}}, "ports", [[], ["b"]], [["a"], ["b", "a"], [None], None]),
        ({"minimum": 5}, "mixed", [5], ["x", "5", 4]),
        ({"not": {"minimum": 5}}, "mixed", [4], [5, "5", "x", None]),
        ({"not": {"not": {"minimum": 15}}}, "length", [15], [14, None, "15"]),
        ({"pattern": "x"}, "mixed", ["x"], [5, "y"]),
        ({"maxItems": 3}, "users", [[], [{"name": "a", "days": 1}]], [[{"name": "a", "days": None}], [{"name": "a"}]]),
        ({"items": {"enum": {"$value": "open"}}}, "ports", [["tcp/22"]], [["tcp/23"]]),
        ({"items": {"enum": {"$value": "nobody"}}}, "ports", [[]], [["tcp/23"]]),
    ],
    ids=str,
)
def test_types_are_closed(schema: dict[str, Any], fact: str, good: list[Any], bad: list[Any]) -> None:
    judged = expectation({fact: schema})
    for value in good:
        assert judged.passes({fact: value}), value
        assert judged.failures({fact: value}) == ()
        assert len(judged.met({fact: value})) == 1
    for value in bad:
        assert not judged.passes({fact: value}), value
        assert len(judged.failures({fact: value})) == 1, value
        assert judged.met({fact: value}) == ()


def test_a_nullable_item_does_not_hide_what_must_not_be_there() -> None:
    judged = expectation({"ports": {"items": {"type": ["string", "null"]}, "not": {"contains": {"const": "telnet"}}}})
    assert judged.passes({"ports": ["ssh", None]})
    assert not judged.passes({"ports": ["telnet", None]})


@pytest.mark.parametrize("facts", [{}, None, [], "length", 1, {"Length": 15}, {"length": None}])
def test_nothing_never_passes(facts: Any) -> None:
    assert not expectation({"length": {"minimum": 15}}).passes(facts)


def test_every_named_fact_counts() -> None:
    judged = expectation({"length": {"minimum": 15}, "on": {"const": True}})
    assert judged.passes({"length": 15, "on": True, "name": object})
    assert not judged.passes({"length": 15})
    assert [failure.fact for failure in judged.failures({"length": 8, "on": False})] == ["length", "on"]
    assert judged.failures({"length": 15}) == (), "a fact that is not given is the caller's to report"


@pytest.mark.parametrize(
    ("fact", "schema", "observed", "sentence"),
    [
        ("length", {"minimum": {"$value": "least"}}, 8, "length: found 8, expected at least 15"),
        ("length", {"maximum": 60}, None, "length: found nothing, expected at most 60"),
        ("length", {"minimum": 1, "maximum": 60}, 0, "length: found 0, expected between 1 and 60"),
        ("length", {"minimum": 3, "maximum": 3}, 0, "length: found 0, expected exactly 3"),
        ("length", {"exclusiveMinimum": 0}, 0, "length: found 0, expected more than 0"),
        ("length", {"exclusiveMaximum": 9}, 9, "length: found 9, expected less than 9"),
        ("length", {"type": "integer"}, None, "length: found nothing, expected a whole number"),
        ("length", {"type": ["integer", "null"], "minimum": 2}, 1, "length: found 1, expected at least 2 or nothing"),
        ("length", {"anyOf": [{"const": 0}, {"minimum": 9}]}, 1, "length: found 1, expected 0 or at least 9"),
        ("on", {"const": True}, False, "on: found no, expected yes"),
        ("on", {"const": False}, True, "on: found yes, expected no"),
        ("name", {"const": None}, "x", "name: found x, expected nothing"),
        ("name", {"enum": ["a", "b"]}, "", "name: found an empty text, expected one of a, b"),
        ("name", {"not": {"const": "a"}}, "a", "name: found a, expected anything but a"),
        ("name", {"pattern": "^a"}, "b", "name: found b, expected a text that matches ^a"),
        ("name", {"minLength": 1}, "", "name: found an empty text, expected at least 1 character"),
        (
            "name",
            {"minLength": 2, "maxLength": 8},
            "",
            "name: found an empty text, expected between 2 and 8 characters",
        ),
        ("ports", {"maxItems": 0}, ["a", "b"], "ports: found a, b, expected none"),
        ("ports", {"minItems": 1}, [], "ports: found none, expected at least 1 item"),
        ("ports", {"items": {"enum": ["a", "b"]}}, ["a", "x", "b", "y"], "ports: found x, y, expected only a, b"),
        ("ports", {"items": {"enum": {"$value": "nobody"}}}, ["x"], "ports: found x, expected none"),
        (
            "ports",
            {"items": {"pattern": "^a"}},
            ["x", "a"],
            "ports: found x, expected every item a text that matches ^a",
        ),
        ("ports", {"contains": {"const": "a"}}, ["x"], "ports: found x, expected a list with a"),
        (
            "ports",
            {"contains": {"enum": ["a", "b"]}},
            [],
            "ports: found none, expected a list with at least one of a, b",
        ),
        (
            "ports",
            {"minItems": 3, "items": {"const": "a"}},
            ["b"],
            "ports: found b, expected at least 3 items and only a",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failure_reads_like_a_sentence(fact: str, schema: dict[str, Any], observed: Any, sentence: str) -> None:
    (failure,) = expectation({fact: schema}).failures({fact: observed})
    assert failure.sentence == sentence
    assert f"{fact}: found " in sentence
    assert failure.expected == sentence.rpartition("expected ")[2]


def test_only_offending_items_are_observed_and_not_too_many() -> None:
    ports = ["tcp/22", *(f"tcp/{number}" for number in range(1000, 1025))]
    (failure,) = expectation({"ports": {"items": {"enum": ["tcp/22"]}}}).failures({"ports": ports})
    assert failure.observed == [*ports[1:21], "and 5 more"]
    assert "tcp/1019 and 5 more, expected only tcp/22" in failure.sentence


def test_what_a_host_sent_cannot_act_on_a_terminal_or_flood_it() -> None:
    (failure,) = expectation({"name": {"const": "a"}}).failures({"name": "\x1b[2J\u202e" + "x" * 10_000})
    assert failure.sentence.isprintable()
    assert len(failure.sentence) < 400


def test_a_met_expectation_reads_like_a_sentence_too() -> None:
    judged = expectation({"ports": {"items": {"enum": {"$value": "open"}}}})
    assert [met.sentence for met in judged.met({"ports": ["tcp/22"]})] == [
        "ports: found tcp/22, expected only tcp/22, tcp/443"
    ]
    assert judged.values == {"open": ["tcp/22", "tcp/443"]}


@pytest.mark.parametrize(
    ("expect", "key", "words"),
    [
        ({}, "expect", "names no fact"),
        ({"lenght": {"minimum": 1}}, "expect.lenght", "did you mean length?"),
        ({"length": {}}, "expect.length", "must be a mapping"),
        ({"length": True}, "expect.length", "must be a mapping"),
        ({"length": {"minimun": 1}}, "expect.length.minimun", "did you mean minimum?"),
        ({"length": {"$ref": "#"}}, "expect.length.$ref", "not a keyword"),
        ({"length": {"format": "x"}}, "expect.length.format", "not a keyword"),
        ({"length": {"minLength": 1}}, "expect.length.minLength", "does not apply"),
        ({"name": {"minimum": 1}}, "expect.name.minimum", "does not apply to nothing or a text"),
        ({"on": {"minimum": 1}}, "expect.on.minimum", "does not apply"),
        ({"on": {"const": "yes"}}, "expect.on.const", "can never be 'yes'"),
        ({"on": {"const": 1}}, "expect.on.const", "can never be 1"),
        ({"mode": {"enum": ["strict", "lose"]}}, "expect.mode.enum", "can never be 'lose'"),
        ({"users": {"const": None}}, "expect.users.const", "can never be None"),
        ({"length": {"type": "string"}}, "expect.length.type", "must name types"),
        ({"length": {"type": []}}, "expect.length.type", "must name types"),
        ({"length": {"type": ["integer", ["null"]]}}, "expect.length.type", "must name types"),
        ({"length": {"type": [{}]}}, "expect.length.type", "must name types"),
        ({"length": {"minimum": float("nan")}}, "expect.length.minimum", "must be a number"),
        ({"ports": {"maxItems": float("inf")}}, "expect.ports.maxItems", "whole number"),
        ({"length": {5: 1}}, "expect.length.5", "not a keyword"),
        ({"length": {"minimum": "5"}}, "expect.length.minimum", "must be a number"),
        ({"length": {"minimum": True}}, "expect.length.minimum", "must be a number"),
        ({"length": {"minimum": {"$value": "words"}}}, "expect.length.minimum", "must be a number"),
        ({"length": {"minimum": {"$value": "leest"}}}, "expect.length.minimum", "did you mean least?"),
        ({"length": {"const": {"$value": ["least"]}}}, "expect.length.const", "no value"),
        ({"length": {"minimum": {"$value": "least", "plus": 1}}}, "expect.length.minimum", "no value"),
        ({"ports": {"maxItems": -1}}, "expect.ports.maxItems", "whole number"),
        ({"ports": {"maxItems": 1.5}}, "expect.ports.maxItems", "whole number"),
        ({"ports": {"items": {"minimum": 1}}}, "expect.ports.items.minimum", "does not apply"),
        ({"ports": {"items": {"$value": "open"}}}, "expect.ports.items.$value", "not a keyword"),
        ({"ports": {"enum": "tcp/22"}}, "expect.ports.enum", "must be a list"),
        ({"length": {"anyOf": []}}, "expect.length.anyOf", "must be a list"),
        ({"length": {"anyOf": [{"const": 1}, {"pattern": "x"}]}}, "expect.length.anyOf.1.pattern", "does not apply"),
        ({"mixed": {"minimum": 1, "pattern": "x"}}, "expect.mixed", "cannot hold together"),
        ({"name": {"pattern": "(?=a)b"}}, "expect.name.pattern", "RE2 refuses"),
        ({"name": {"pattern": r"(a)\1"}}, "expect.name.pattern", "RE2 refuses"),
        ({"name": {"pattern": "a{1001}"}}, "expect.name.pattern", "RE2 refuses"),
        ({"name": {"not": {"pattern": "("}}}, "expect.name.not.pattern", "RE2 refuses"),
    ],
    ids=str,
)
def test_what_cannot_be_judged_is_refused_with_its_key(expect: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        expectation(expect)
    assert caught.value.key == key
    assert words in str(caught.value)


SLOW = [
    "^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(a*)*b", "^(.*a){20}$", "(.*)*x", r"^(\w+\s?)*$", "^((a+)b?)*$", r"^(\d+)*x$",
    "^([a-zA-Z0-9])(([._-]?[a-zA-Z0-9]+)*)@x$", "(a+)*(b+)*(c+)*d", "^(a?){50}a{50}$", "(?i)^(a+)+$", "^(?:a+){2,}$",
    "(aa+)+$", r"^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y", "^(.+)+$b", "(|a+)+$b", r"\s+$b",
]  # fmt: skip


@pytest.mark.parametrize("pattern", SLOW)
def test_no_pattern_takes_more_than_linear_time(pattern: str) -> None:
    # a backtracking engine would need longer than the universe has: that the test ends is what it asserts
    judged = expectation({"name": {"pattern": pattern}})
    for text in ("a" * 65_535 + "!", "x" * 65_536, " " * 65_535 + "!"):
        assert judged.passes({"name": text}) == (not judged.failures({"name": text}))


_words = st.sampled_from(["", "a", "ab", "b", "strict", "loose", "tcp/22", "a\n", "É", "٣", "K", "é😀"])
_numbers = st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 0.5, -1.5, 2**53, 2**53 + 1, 10**30])
_json = st.recursive(
    st.none() | st.booleans() | _numbers | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "days"]), inner, max_size=2),
    max_leaves=6,
)
_DRAWN: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _numbers),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), st.integers(0, 3)),
    "pattern": st.sampled_from(["^a", "b$", r"^\w+$", r"\d", "(?i)k", "[^a]", ".", r"\s", "^$", "[[:alpha:]]", r"\pL"]),
}
_CONTAINERS = ("not", "items", "contains", "anyOf")


def _types(fact: dict[str, Any]) -> list[str]:
    types = fact.get("type", ["string", "null"])
    return [types] if isinstance(types, str) else list(types)


def _facts(fact: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Draw what the probe may yield for this fact."""
    if "enum" in fact:
        return st.sampled_from(fact["enum"])
    drawn: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(-3, 3),
        "number": _numbers,
        "string": _words,
        "boolean": st.booleans(),
        "null": st.none(),
    }
    if "items" in fact:
        drawn["array"] = st.lists(_facts(fact["items"]), max_size=3)
    if "properties" in fact:
        drawn["object"] = st.fixed_dictionaries({name: _facts(part) for name, part in fact["properties"].items()})
    return st.one_of([drawn[name] for name in _types(fact)])


def _schemas(fact: dict[str, Any], depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an expectation that mostly fits this fact."""
    types = set(_types(fact)) | ({"number"} if "integer" in _types(fact) else set())
    drawn = {name: strategy for name, strategy in _DRAWN.items() if KEYWORDS[name] & types}
    drawn["const"] = _facts(fact)
    drawn["enum"] = st.lists(_facts(fact), max_size=3)
    drawn["type"] = st.lists(st.sampled_from(sorted(_types(fact))), min_size=1, unique=True)
    if depth:
        inner = _schemas(fact, depth - 1)
        drawn |= {"not": inner, "anyOf": st.lists(inner, min_size=1, max_size=2)}
        if "items" in fact:
            drawn |= dict.fromkeys(("items", "contains"), _schemas(fact["items"], depth - 1))
    names = st.lists(st.sampled_from(sorted(drawn)), min_size=1, max_size=2, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: drawn[name] for name in chosen}))


def test_every_keyword_is_drawn() -> None:
    assert {*_DRAWN, *_CONTAINERS, "const", "enum", "type"} == set(KEYWORDS)


@settings(max_examples=400)
@given(data=st.data(), fact=st.sampled_from(sorted(FACTS)))
def test_two_validators_agree_on_every_keyword(data: st.DataObject, fact: str) -> None:
    try:
        judged = expectation({fact: data.draw(_schemas(FACTS[fact]))})
    except ExpectationError:
        return
    for value in data.draw(st.lists(_facts(FACTS[fact]) | _json, min_size=1, max_size=8)):
        passes = judged.passes({fact: value})
        assert passes == (not list(_explain(judged._closed[fact], value))), value
        assert passes == (not judged.failures({fact: value}))


@settings(max_examples=200)
@given(data=st.data(), fact=st.sampled_from(sorted(FACTS)))
def test_null_never_passes_unless_it_is_written(data: st.DataObject, fact: str) -> None:
    schema = data.draw(_schemas(FACTS[fact]))
    if "null" in str(schema) or "None" in str(schema):
        return
    try:
        judged = expectation({fact: schema})
    except ExpectationError:
        return
    empty: tuple[Any, ...] = ({fact: None}, {fact: {}}, {}, None)
    for nothing in empty:
        assert not judged.passes(nothing)
    if "items" in FACTS[fact]:
        assert not judged.passes({fact: [None]})


@settings(max_examples=300)
@given(data=st.data(), fact=st.sampled_from(sorted(FACTS)))
def test_closing_the_types_only_ever_makes_an_expectation_stricter(data: st.DataObject, fact: str) -> None:
    schema = data.draw(_schemas(FACTS[fact]))
    try:
        judged = expectation({fact: schema})
    except ExpectationError:
        return
    for value in data.draw(st.lists(_facts(FACTS[fact]) | _json, min_size=1, max_size=8)):
        if judged.passes({fact: value}):
            assert not list(_explain(schema, value)), value
        else:
            (failure,) = judged.failures({fact: value})
            assert failure.sentence == f"{failure.sentence.partition(', expected ')[0]}, expected {failure.expected}"
            assert failure.expected


def test_judging_without_a_long_list_of_faults_does_not_load_jsonschema() -> None:
    program = (
        "import sys, tests.model.test_expectation as t\n"
        "sys.modules.pop('jsonschema', None)\n"
        "assert t.expectation({'length': {'minimum': 15}}).failures({'length': 8})\n"
        "print('jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
