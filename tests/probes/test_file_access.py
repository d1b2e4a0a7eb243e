"""The permission check against the kernel's own answer: random modes, owners and lists, real accounts."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from hardencheck.probes.linux.file_access import READ, SEARCH, Entry, Inode, Subject, entries, may, mode_bits
from tests.tools import need_program

USERS = (41001, 41002, 41003)
GROUPS = (42001, 42002, 42003)


@pytest.mark.parametrize(
    ("text", "bits"),
    [("-rw-r-----", 0o640), ("drwxr-s--T", 0o750), ("drwxrwsrwt+", 0o777), ("-rwsr-S---.", 0o740)],
)
def test_mode_as_ls_writes_it(text: str, bits: int) -> None:
    assert mode_bits(text) == bits


@pytest.mark.parametrize("text", ["", "lrwxrwxrwx", "-rw-r----", "-rw-r-----++", "-rwyr-----"])
def test_what_is_no_mode_is_not_taken_for_one(text: str) -> None:
    assert mode_bits(text) is None


def test_entries_as_getfacl_writes_them() -> None:
    found = entries(["user::rw-", "user:1001:r-x\t#effective:r--", "mask::r--"])
    assert found == (Entry("user", None, 6), Entry("user", 1001, 5), Entry("mask", None, 4))
    assert entries(["user:agent1:r--"]) is None


def test_a_list_that_cannot_be_read_decides_nothing() -> None:
    somebody = Subject(41001, frozenset())
    assert may(somebody, Inode(0o640, 0, 0, unclear=True), READ) is None
    assert may(somebody, Inode(0o604, 0, 0, unclear=True), READ) is True
    assert may(somebody, Inode(0o600, 0, 0, unclear=True), READ) is False
    assert may(somebody, Inode(0o610, 0, 0, unclear=True), READ) is False


def _ask(subject: Subject, *paths: Path) -> list[bool]:
    """Return whether a process of this account can open each path (a directory: reach what is in it)."""
    groups = sorted(subject.groups)
    script = 'for path do if cat "$path" >/dev/null 2>&1; then echo yes; else echo no; fi; done'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *map(str, paths)],
        user=subject.user, group=groups[0], extra_groups=groups, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line == "yes" for line in done.stdout.split()]


@pytest.mark.skipif(os.getuid() != 0, reason="changes owners and asks as other accounts: root only")
@pytest.mark.parametrize("with_lists", [False, True])
def test_the_kernel_says_the_same(with_lists: bool) -> None:
    if with_lists:
        need_program("setfacl", "getfacl")
    chance = random.Random(20261122)
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    try:
        folder.chmod(0o755)
        subjects = [
            Subject(user, frozenset(chance.sample(GROUPS, size))) for user in USERS for size in (1, 2, 3)
        ]  # fmt: skip
        inodes: list[tuple[Inode, Path, int]] = []
        for number in range(120):
            inner = folder / f"{number}"
            path, want = (inner, READ) if number % 2 else (inner / "file", SEARCH)
            if want == SEARCH:
                inner.mkdir()
            path.write_text("x")
            path.chmod(0o644)
            os.chown(inner, chance.choice(USERS), chance.choice(GROUPS))
            inner.chmod(chance.getrandbits(9))
            if with_lists:
                _random_list(inner, chance)
            inodes.append((_inode(inner, with_lists), path, want))
        for subject in subjects:
            real = _ask(subject, *(path for _, path, _ in inodes))
            ours = [may(subject, inode, want) for inode, _, want in inodes]
            wrong = [
                (subject, inode, want, is_so)
                for (inode, _, want), told, is_so in zip(inodes, ours, real, strict=True)
                if told is not is_so
            ]
            assert not wrong
            assert True in real
            assert False in real
    finally:
        shutil.rmtree(folder)


def _random_list(path: Path, chance: random.Random) -> None:
    words = [f"u:{user}:{chance.randrange(8)}" for user in USERS if chance.random() < 0.4]
    words += [f"g:{group}:{chance.randrange(8)}" for group in GROUPS if chance.random() < 0.4]
    words.append(f"m::{chance.choice((0, 0, 1, 4, 5, 7))}")
    subprocess.run(["setfacl", "-n", "-m", ",".join(words), str(path)], check=True)


def _inode(path: Path, with_lists: bool) -> Inode:
    state = path.stat()
    found: tuple[Entry, ...] = ()
    if with_lists:
        command = ["getfacl", "-n", "-p", "-c", "-s", str(path)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = entries(line for line in text.splitlines() if line) or ()
    return Inode(state.st_mode & 0o777, state.st_uid, state.st_gid, found)
