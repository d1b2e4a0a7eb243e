"""A baseline survives as canonical bytes: what a sweep was judged by can be judged by again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.baselines.load import load
from hardencheck.baselines.snapshot import from_bytes, to_bytes
from hardencheck.model.baseline import Tailoring, TailoringScope
from tests.baselines.frozen import FROZEN

TAILORING = """\
values: {highest_uid: 500}
groups: {kiosks: {values: {known_distributions: [arch]}}}
hosts: {agent7: {deselect: {linux-container-none: "a lab machine, ticket 12"}}}
"""


@pytest.mark.parametrize("reference", ["bpo-core", FROZEN], ids=["bpo-core", "frozen"])
def test_the_round_trip_is_exact(reference: str | Path) -> None:
    baseline = load(reference)
    data = to_bytes(baseline)
    assert from_bytes(data) == baseline
    assert to_bytes(from_bytes(data)) == data


def test_tailoring_is_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(TAILORING)
    baseline = load(FROZEN, path)
    assert from_bytes(to_bytes(baseline)) == baseline
    assert to_bytes(baseline) != to_bytes(load(FROZEN)), "another tailoring is another digest"


def test_the_bytes_do_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("".join(reversed(TAILORING.splitlines(keepends=True))))
    again = load(FROZEN, path)
    path.write_text(TAILORING)
    assert to_bytes(again) == to_bytes(load(FROZEN, path))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_scopes = st.builds(
    TailoringScope,
    values=st.dictionaries(st.text(), _json, max_size=3),
    deselect=st.dictionaries(st.text(), st.text(), max_size=3),
)


@given(
    everyone=_scopes,
    groups=st.dictionaries(st.text(), _scopes, max_size=2),
    hosts=st.dictionaries(st.text(), _scopes, max_size=2),
    title=st.text(),
    expect=st.dictionaries(st.text(), _json, max_size=3),
)
def test_any_baseline_survives(**drawn: Any) -> None:
    frozen = load(FROZEN)
    rule = replace(frozen.rules[0], expect=drawn["expect"], title=drawn["title"])
    tailoring = Tailoring(drawn["everyone"], drawn["groups"], drawn["hosts"])
    baseline = replace(frozen, title=drawn["title"], rules=(rule,), tailoring=tailoring)
    assert from_bytes(to_bytes(baseline)) == baseline


def test_a_reason_for_no_playbook_survives_and_none_leaves_no_trace() -> None:
    frozen = load(FROZEN)
    assert b"manual" not in to_bytes(frozen)
    remediation = replace(frozen.rules[0].remediation, manual="Ask first.")
    baseline = replace(frozen, rules=(replace(frozen.rules[0], remediation=remediation),))
    assert from_bytes(to_bytes(baseline)) == baseline


def _changed(path: tuple[str | int, ...], value: Any) -> bytes:
    body = json.loads(to_bytes(load(FROZEN)))
    at = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b"1", b"not JSON", b"\xff", b"[" * 100_000,
        _changed(("format",), 2),
        _changed(("baseline",), None),
        _changed(("baseline", "rules"), None),
        _changed(("baseline", "rules", 0), []),
        _changed(("baseline", "rules", 0, "severity"), "urgent"),
        _changed(("baseline", "rules", 0, "platforms"), ["amiga"]),
        _changed(("baseline", "rules", 0, "surprise"), 1),
        _changed(("baseline", "rules", 0, "remediation"), "text"),
        _changed(("baseline", "tailoring"), {}),
        _changed(("baseline", "surprise"), 1),
        to_bytes(load(FROZEN)) + b" ",
        to_bytes(load(FROZEN)).replace(b'":', b'": ', 1),
        to_bytes(load(FROZEN))[:-1],
    ],
    ids=range(21),
)  # fmt: skip
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_bytes(data)
