from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.model import codec
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import Finding, HostResult, Sweep

# st.text() leaves surrogates out, but a host's bytes may well decode to them
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.text(max_size=12)
RULE_RESULTS = st.builds(
    RuleResult,
    rule_id=WORDS,
    outcome=st.sampled_from(Outcome),
    severity=st.sampled_from(Severity),
    theme=WORDS,
    message=WORDS,
    reasons=st.lists(
        st.builds(Reason, fact=WORDS, observed=PLAIN, expected=WORDS, read_from=WORDS, sentence=WORDS), max_size=2
    ).map(tuple),
    values=st.dictionaries(WORDS, PLAIN, max_size=2),
    evidence=st.none() | WORDS,
)
HOST_RESULTS = st.builds(
    HostResult,
    host=WORDS,
    state=st.sampled_from(HostState),
    reason=WORDS,
    message=WORDS,
    labels=st.dictionaries(WORDS, WORDS, max_size=2),
    groups=st.lists(WORDS, max_size=2).map(tuple),
    system=WORDS,
    skew=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    duration=st.floats(min_value=0, allow_infinity=False),
    manifest=st.none() | WORDS,
    results=st.lists(RULE_RESULTS, max_size=2).map(tuple),
)
SWEEPS = st.builds(
    Sweep,
    id=WORDS,
    started=WORDS,
    finished=st.none() | WORDS,
    baseline_id=WORDS,
    baseline_version=WORDS,
    baseline_digest=WORDS,
    collector_digest=WORDS,
    settings=st.dictionaries(WORDS, PLAIN, max_size=2),
    hosts=st.lists(HOST_RESULTS, max_size=2).map(tuple),
)
FINDINGS = st.builds(
    Finding,
    host=WORDS,
    rule_id=WORDS,
    severity=st.sampled_from(Severity),
    opened=WORDS,
    last_seen=WORDS,
    closed=st.none() | WORDS,
    reopened=st.integers(min_value=0),
    message=WORDS,
)

RESULT = RuleResult(
    "linux-password-min-length",
    Outcome.FAIL,
    Severity.HIGH,
    "password",
    "too short",
    (Reason("effective_min_length", 8, "at least 15", "/etc/pam.d/common-password:25", "found 8"),),
    {"password_min_length": 15},
    "ab" * 32,
)
HOST = HostResult("agent1", HostState.REACHED, labels={"client": "acme"}, groups=("all",), skew=0.5, results=(RESULT,))
SWEEP = Sweep("id", "2026-11-22T01:30:00Z", None, "bpo-core", "1", "ab" * 32, "cd" * 32, {"limit": None}, (HOST,))
FINDING = Finding("agent1", "rule", Severity.LOW, "2026-11-22T01:30:00Z", "2026-11-22T01:30:00Z", None, 0, "too short")

PAIRS: list[tuple[Any, Any, Any]] = [
    (RESULT, codec.rule_result_to_json, codec.rule_result_from_json),
    (HOST, codec.host_result_to_json, codec.host_result_from_json),
    (SWEEP, codec.sweep_to_json, codec.sweep_from_json),
    (FINDING, codec.finding_to_json, codec.finding_from_json),
]


@given(SWEEPS)
def test_a_sweep_comes_back_equal_and_byte_for_byte(sweep: Sweep) -> None:
    data = codec.canonical(codec.sweep_to_json(sweep))
    back = codec.sweep_from_json(codec.loads(data))
    assert back == sweep
    assert codec.canonical(codec.sweep_to_json(back)) == data


@given(FINDINGS)
def test_a_finding_comes_back_equal(finding: Finding) -> None:
    data = codec.canonical(codec.finding_to_json(finding))
    assert codec.finding_from_json(codec.loads(data)) == finding


@given(st.lists(RULE_RESULTS, max_size=3))
def test_packed_results_come_back_equal_and_byte_for_byte(results: list[RuleResult]) -> None:
    data = codec.results_to_bytes(results)
    assert codec.results_from_bytes(data) == tuple(results)
    assert codec.results_to_bytes(codec.results_from_bytes(data)) == data


@given(JSON)
def test_canonical_bytes_are_utf_8_and_stay_the_same_whatever_the_text(body: Any) -> None:
    try:
        data = codec.canonical(body)
        back = codec.loads(data)
    except ValueError:
        # two keys that differ only in how a character is written become one
        return
    data.decode()
    assert codec.canonical(back) == data


def test_canonical_bytes_are_sorted_compact_and_unescaped() -> None:
    assert codec.canonical({"b": [1, 1.5, None], "a": "é"}) == '{"a":"é","b":[1,1.5,null]}'.encode()
    assert codec.canonical("\udcff") == b'"\\udcff"'
    assert codec.loads(b'"\\udcff"') == "\udcff"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        codec.canonical({"skew": number})


@pytest.mark.parametrize(
    "data",
    [
        b"NaN",
        b"[-Infinity]",
        b"1e999",
        b'{"a":1,"a":2}',
        b"",
        b"{} {}",
        b'"\xff"',
        b'{"a":1}\xed\xa0\x80',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        codec.loads(data)


@pytest.mark.parametrize(("noun", "encode", "decode"), PAIRS, ids=lambda each: type(each).__name__)
def test_keys_are_the_fields_and_none_may_be_missing_or_added(noun: Any, encode: Any, decode: Any) -> None:
    body = encode(noun)
    assert set(body) == {field.name for field in fields(noun)}
    assert decode(json.loads(json.dumps(body))) == noun
    for key in body:
        with pytest.raises(ValueError, match=f"missing {key}"):
            decode({name: value for name, value in body.items() if name != key})
    with pytest.raises(ValueError, match="unknown colour"):
        decode({**body, "colour": "green"})
    others: tuple[Any, ...] = (None, [], "text", 5)
    for other in others:
        with pytest.raises(ValueError, match="expected an object"):
            decode(other)


@pytest.mark.parametrize(("noun", "encode", "decode"), PAIRS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("wrong", [True, 7, 7.5, "word", ["word"], [7], {"key": 7}, [None]], ids=repr)
def test_a_value_of_a_wrong_type_is_refused_and_never_changed(noun: Any, encode: Any, decode: Any, wrong: Any) -> None:
    body = encode(noun)
    for key in body:
        changed = {**body, key: wrong}
        try:
            again = encode(decode(changed))
        except ValueError as error:
            assert str(error)  # noqa: PT017  most are refused; the few that fit must come back the same
        else:
            assert again == changed
            assert [type(again[name]) for name in again] == [type(changed[name]) for name in again]


def test_an_unknown_word_is_refused_with_the_words_there_are() -> None:
    body = {**codec.rule_result_to_json(RESULT), "outcome": "passed"}
    with pytest.raises(ValueError, match=r"outcome: expected one of fail, .*fixed, found 'passed'"):
        codec.rule_result_from_json(body)
