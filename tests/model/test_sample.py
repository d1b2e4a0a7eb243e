"""A sample is drawn by anybody alike: whatever the order of the names, and by hand with the commands in the module."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path
from random import Random
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.model import sample as module
from hardencheck.model.sample import sample
from tests.tools import need_program

NAMES = st.lists(st.text(min_size=1, max_size=12), max_size=20, unique=True)
SEEDS = st.integers(0, 2**70)


@given(NAMES, st.integers(1, 25), SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_names_makes_no_difference(names: list[str], size: int, seed: int, chance: Random) -> None:
    turned = list(names)
    chance.shuffle(turned)
    assert sample(names, size, seed) == sample(turned, size, seed) == sample([*names, *turned], size, seed)


@given(NAMES, st.integers(1, 25), st.integers(0, 25), SEEDS)
def test_a_larger_sample_begins_with_the_smaller_one(names: list[str], size: int, more: int, seed: int) -> None:
    small, large = sample(names, size, seed), sample(names, size + more, seed)
    assert large[: len(small)] == small
    assert len(small) == min(size, len(names))
    assert set(large) <= set(names)


@given(NAMES, st.integers(1, 25), SEEDS, st.text("abc", min_size=1))
def test_one_more_host_pushes_out_at_most_one(names: list[str], size: int, seed: int, another: str) -> None:
    assert len(set(sample(names, size, seed)) - set(sample([*names, another], size, seed))) <= 1


def test_it_is_the_order_of_the_digests() -> None:
    names = [f"desk-{number}" for number in range(50)]
    digests = {name: sha256(f"7\n{name}".encode()).hexdigest() for name in names}
    drawn = sample(names, 50, 7)
    assert [digests[name] for name in drawn] == sorted(digests.values())


def test_another_seed_draws_others() -> None:
    names = [f"desk-{number}" for number in range(1000)]
    drawn = [set(sample(names, 100, seed)) for seed in range(20)]
    assert len({frozenset(each) for each in drawn}) == 20
    often = [sum(name in each for each in drawn) for name in names]
    assert sum(often) == 2000
    assert max(often) <= 10, "each is drawn 2 times of 20 on average, nobody again and again"


def test_who_asks_for_more_than_there_are_gets_all() -> None:
    assert set(sample(["b", "a"], 3, 0)) == {"a", "b"}
    assert sample([], 3, 0) == ()


@pytest.mark.parametrize(("size", "seed"), [(0, 0), (-1, 7), (1, -1)])
def test_a_size_or_seed_that_makes_no_sense_is_refused(size: int, seed: int) -> None:
    with pytest.raises(ValueError, match="expected a size of 1 or more, and a seed of 0 or more"):
        sample(["a"], size, seed)


def test_the_commands_in_the_module_draw_the_same(tmp_path: Path) -> None:
    need_program("sha256sum", "bash")
    names = [*(f"desk-{number:03d}" for number in range(38)), "desk 1 Malmö", r"back\slash %s"]
    (tmp_path / "names").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    said = module.__doc__ or ""
    commands = dedent(said[said.index("    while") : said.index("\n\nWho chooses")])
    ran = subprocess.run(["bash", "-c", commands], cwd=tmp_path, capture_output=True, check=True)
    assert tuple(ran.stdout.decode().splitlines()) == sample(names, 25, 7)
