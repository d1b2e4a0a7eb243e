"""One grammar selects rules everywhere: words of a kind widen, kinds narrow each other, exclude comes last."""

from __future__ import annotations

from typing import Any

import pytest

from hardencheck.baselines.load import load
from hardencheck.baselines.select import select
from hardencheck.errors import ConfigurationError, UsageError
from tests.baselines.frozen import FROZEN

KNOWN, PRIVILEGED, CONTAINER = "linux-distribution-known", "linux-collector-privileged", "linux-container-none"


@pytest.mark.parametrize(
    ("words", "selected"),
    [
        ({}, {KNOWN, PRIVILEGED, CONTAINER}),
        ({"rules": [KNOWN]}, {KNOWN}),
        ({"rules": [KNOWN, CONTAINER]}, {KNOWN, CONTAINER}),
        ({"rules": ["linux-co*"]}, {PRIVILEGED, CONTAINER}),
        ({"themes": ["identity"]}, {KNOWN, PRIVILEGED}),
        ({"tags": ["inventory"]}, {KNOWN, CONTAINER}),
        ({"tags": ["inventory", "isolation"]}, {KNOWN, CONTAINER}),
        ({"themes": ["identity"], "tags": ["inventory"]}, {KNOWN}),
        ({"exclude": ["place"]}, {KNOWN, PRIVILEGED}),
        ({"exclude": ["linux-c*"]}, {KNOWN}),
        ({"themes": ["identity"], "exclude": [KNOWN]}, {PRIVILEGED}),
        ({"rules": ["*"], "exclude": [KNOWN, "place"]}, {PRIVILEGED}),
    ],
    ids=str,
)
def test_what_is_selected(words: dict[str, Any], selected: set[str]) -> None:
    whole = load(FROZEN)
    part = select(whole, **words)
    assert {rule.id for rule in part.rules} == selected
    assert part.rules == tuple(rule for rule in whole.rules if rule.id in selected), "in the order of the baseline"
    assert (part.id, part.values, part.tailoring) == (whole.id, whole.values, whole.tailoring)
    assert len(whole.rules) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"rules": [KNOWN[:-1]]}, f"--rule {KNOWN[:-1]}: frozen has none; did you mean {KNOWN}?"),
        ({"rules": [KNOWN, "windows-*"]}, "--rule windows-*"),
        ({"themes": ["identiy"]}, "did you mean identity?"),
        ({"themes": ["ident*"]}, "--theme ident*"),
        ({"tags": ["isolated"]}, "did you mean isolation?"),
        ({"exclude": ["nowhere"]}, "--exclude nowhere"),
        ({"rules": [""]}, "--rule "),
    ],
    ids=str,
)  # fmt: skip
def test_a_word_that_matches_nothing_is_a_usage_error(words: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(load(FROZEN), **words)
    assert said in str(caught.value)
    assert caught.value.exit_code == 64


@pytest.mark.parametrize(
    "words", [{"exclude": ["*"]}, {"themes": ["place"], "rules": [KNOWN]}, {"rules": [KNOWN], "exclude": ["identity"]}]
)
def test_a_selection_that_leaves_no_rule_is_a_configuration_error(words: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        select(load(FROZEN), **words)
    assert caught.value.exit_code == 78
