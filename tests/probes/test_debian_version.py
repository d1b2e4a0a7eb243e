"""Order of Debian versions: examples of deb-version(7), and agreement with the real dpkg on generated ones."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.probes.linux import debian_version
from tests.tools import need_program


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0~rc1", "1.0"),
        ("1.0", "1.0a"),
        ("1.0a", "1.0+b"),
        ("1.9", "1.10"),
        ("2.0", "1:1.0"),
        ("1.0-1", "1.0-1+deb12u1"),
        ("1.0-1~bpo12+1", "1.0-1"),
        ("6.1.176-1", "6.1.192-2"),
        ("6.1.27-1", "6.1.192-2"),
        ("5.15.0-91.101", "5.15.0-100.110"),
        ("1.0", "1.0-1"),
        ("20230311+deb12u1", "20250419~deb12u2"),
    ],
)
def test_order(older: str, newer: str) -> None:
    assert debian_version.compare(older, newer) < 0 < debian_version.compare(newer, older)
    assert sorted([newer, older], key=debian_version.key) == [older, newer]


@pytest.mark.parametrize(("left", "right"), [("1.0", "1.0-0"), ("0:1.0", "1.0"), ("1.01", "1.1"), ("1.0-", "1.0")])
def test_equal(left: str, right: str) -> None:
    assert debian_version.compare(left, right) == 0


upstream = st.text(alphabet="0123456789ab+.~", max_size=6).map("{}".format)
version = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "0:", "1:", "12:"]),
    st.integers(0, 30),
    upstream,
    st.one_of(st.just(""), st.text(alphabet="0123456789az+.~", min_size=1, max_size=5).map("-{}".format)),
)


@settings(max_examples=60)
@given(left=version, right=version)
def test_agrees_with_dpkg(left: str, right: str) -> None:
    need_program("dpkg")
    said = {
        word: subprocess.run(["dpkg", "--compare-versions", left, word, right], check=False, timeout=10).returncode == 0
        for word in ("lt", "eq")
    }
    mine = debian_version.compare(left, right)
    assert (mine < 0, mine == 0) == (said["lt"], said["eq"]), (left, right, mine)
