"""Waves are those of Ansible's `serial`: every host once, in order, the last size repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import UsageError
from hardencheck.remediate.waves import waves

HOSTS = [f"desk{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("batch", "sizes"),
    [
        ("1,5%,25%", [1, 1, 5, 5, 5, 3]),
        ("100%", [20]),
        ("7", [7, 7, 6]),
        ("1%", [1] * 20),
        ("50", [20]),
        ("1, 100%", [1, 19]),
    ],
)
def test_sizes(batch: str, sizes: list[int]) -> None:
    assert [len(wave) for wave in waves(HOSTS, batch)] == sizes


@given(st.lists(st.text(min_size=1), unique=True), st.lists(st.sampled_from(["1", "3", "5%", "60%"]), min_size=1))
def test_every_host_is_in_one_wave_in_its_order(hosts: list[str], sizes: list[str]) -> None:
    assert [host for wave in waves(hosts, ",".join(sizes)) for host in wave] == hosts


@pytest.mark.parametrize("batch", ["", "0", "101%", "-1", "1,,2", "five", "5 %", "1.5", "0%"])
def test_anything_else_is_refused(batch: str) -> None:
    with pytest.raises(UsageError, match="is no size of a wave"):
        waves(HOSTS, batch)
