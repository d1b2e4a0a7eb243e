"""Order of RPM versions: examples of rpm's own test suite, and agreement with the real rpm on generated ones."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.probes.linux import rpm_version
from tests.tools import need_program


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0", "2.0"),
        ("2.0", "2.0.1"),
        ("2.0.1", "2.0.1a"),
        ("5.5p1", "5.5p2"),
        ("5.5p1", "5.5p10"),
        ("xyz", "10xyz"),
        ("xyz.4", "8"),
        ("6.0", "6.0.rc1"),
        ("1.0~rc1", "1.0"),
        ("1.0~rc1~git123", "1.0~rc1"),
        ("1.0", "1.0^"),
        ("1.0^git1", "1.01"),
        ("1.0^20160101", "1.0.1"),
        ("1.0~rc1", "1.0~rc1^git1"),
        ("1.0^git1~pre", "1.0^git1"),
    ],
)
def test_order(older: str, newer: str) -> None:
    assert rpm_version.compare_part(older, newer) < 0 < rpm_version.compare_part(newer, older)


@pytest.mark.parametrize(("left", "right"), [("1.0", "1.0"), ("2_0", "2.0"), ("1.05", "1.5"), ("a", "a"), ("+", "_")])
def test_equal(left: str, right: str) -> None:
    assert rpm_version.compare_part(left, right) == 0


def test_epoch_then_version_then_release() -> None:
    assert rpm_version.compare("0:5.14.0-427.13.1.el9_4", "0:5.14.0-427.100.1.el9_4") < 0
    assert rpm_version.compare("1:1.0-1", "2.0-9") > 0
    assert rpm_version.compare("1.0-1", "0:1.0-1") == 0
    assert sorted(["1.0-10", "1.0-9"], key=rpm_version.key) == ["1.0-9", "1.0-10"]


version = st.text(alphabet="0123ab.~^_+", min_size=1, max_size=7)


@settings(max_examples=10)
@given(pairs=st.lists(st.tuples(version, version), min_size=30, max_size=60))
def test_agrees_with_rpm(pairs: list[tuple[str, str]]) -> None:
    need_program("rpm")
    table = ", ".join(f"{{{json.dumps(left)}, {json.dumps(right)}}}" for left, right in pairs)
    lua = f"for _, pair in ipairs({{{table}}}) do print(rpm.vercmp(pair[1], pair[2]) .. ' ') end"
    done = subprocess.run(["rpm", "--eval", f"%{{lua:{lua}}}"], capture_output=True, text=True, timeout=20, check=True)
    said = [int(word) for word in done.stdout.split()]
    mine = [rpm_version.compare_part(left, right) for left, right in pairs]
    assert [(number > 0) - (number < 0) for number in mine] == said, pairs
