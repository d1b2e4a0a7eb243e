"""Who may read a tree, as the script and its parser tell it, against what real accounts can read."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardencheck.probes.linux.file_access import Subject
from hardencheck.probes.linux.recording_trees import FUNCTIONS, Tree, parse, readers, shape
from tests.tools import need_program

USERS = (41001, 41002, 41003)
GROUPS = (42001, 42002, 42003)
SHELLS = [["dash"], ["bash"], ["busybox", "ash"]]
root_only = pytest.mark.skipif(os.getuid() != 0, reason="changes owners and asks as other accounts: root only")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that everybody may search, all the way up."""
    path = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def _tree(path: Path, shell: list[str]) -> Tree:
    need_program(shell[0])
    command = [*shell, "-c", f'{FUNCTIONS}\ntree "$1"', "sh", str(path)]
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, check=True, env=env)
    return parse(str(path), done.stdout.decode())


def _can_read(subject: Subject, root: Path) -> bool:
    """Whether an account can open any file of a tree whose names it knows."""
    files = [str(path) for path in sorted(root.rglob("*")) if path.is_file()]
    script = 'for path do [ -z "$(cat "$path" 2>/dev/null)" ] || exit 0; done; exit 1'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *files],
        user=subject.user, group=min(subject.groups), extra_groups=sorted(subject.groups), check=False,
    )  # fmt: skip
    return done.returncode == 0


@root_only
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_accounts_that_are_named_can_read_and_nobody_else_can(folder: Path, shell: list[str]) -> None:
    chance = random.Random(f"{shell}")
    lists = shutil.which("setfacl") is not None and shutil.which("getfacl") is not None
    if not lists and shell[0] == "busybox":
        need_program("setfacl", "getfacl")  # without them, busybox cannot tell where there are access control lists
    seen = set()
    for number in range(25):
        root = folder / f"{number}"
        inner = root / "2026" / "11"
        inner.mkdir(parents=True)
        for path in (root / "a.wav", inner / "b.wav"):
            path.write_text("x")
        for path in (*sorted(root.rglob("*"), reverse=True), root):
            os.chown(path, chance.choice((0, *USERS)), chance.choice((0, *GROUPS)))
            path.chmod(chance.choice((0o700, 0o750, 0o710, 0o711, 0o640, 0o604, 0o440, 0o755)))
            if lists and chance.random() < 0.4:
                entry = f"{chance.choice(('u:41001', 'g:42001', 'g:42002', 'm:'))}:{chance.choice('04567')}"
                subprocess.run(["setfacl", "-n", "-m", f"{entry},m::{chance.choice('0567')}", str(path)], check=True)
        tree = _tree(root, shell)
        assert not tree.troubles
        for user in USERS:
            subject = Subject(user, frozenset(chance.sample(GROUPS, chance.randint(1, 3))))
            told = readers(tree, {"agent": subject}, None)
            assert not told.unclear
            real = _can_read(subject, root)
            assert any("may read" in line and "new files" not in line for line in told.offenders) is real
            seen.add(real)
    assert seen == {True, False}


@root_only
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_names_that_try_to_look_like_another_line(folder: Path, shell: list[str]) -> None:
    root = folder / "größe"
    (root / "a\n-rw------- 1 0 0 5 Jan  1 00:00 ").mkdir(parents=True, mode=0o755)
    (root / "a\n-rw------- 1 0 0 5 Jan  1 00:00 " / "b\\c\t\033[31m.wav").write_text("x")
    (root / "@tree\n@list").write_text("x")
    (root / "a b  c.wav").write_text("x")
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o604)
    tree = _tree(root, shell)
    assert sum(files.count for files in tree.files) == 3
    assert shape(str(root)) in tree.above
    told = readers(tree, {"everybody": Subject(None, frozenset())}, None)
    assert len([line for line in told.offenders if "may read" in line]) == 2
    assert not any("\n" in line or "\033" in line for line in told.offenders)


@root_only
def test_a_directory_that_is_too_deep_is_noticed(folder: Path) -> None:
    folder.joinpath(*"abcdefghijklmnop").mkdir(parents=True)
    assert any("deeper" in trouble for trouble in _tree(folder, ["dash"]).troubles)


@root_only
def test_a_file_that_is_only_closed_by_directories_and_linked_elsewhere_cannot_be_told(folder: Path) -> None:
    root = folder / "closed"
    root.mkdir(mode=0o700)
    (root / "a.wav").write_text("x")
    (root / "a.wav").chmod(0o644)
    everybody = {"everybody": Subject(None, frozenset())}
    found = readers(_tree(root, ["dash"]), everybody, None)
    assert (found.offenders, found.unclear) == ([], [])
    (folder / "b.wav").hardlink_to(root / "a.wav")
    found = readers(_tree(root, ["dash"]), everybody, None)
    assert found.offenders == []
    assert "hard links" in found.unclear[0]


@pytest.mark.parametrize(
    "text", ["", "D 1 0 drwx------ 0 0 - /\n", "F 9 -rw-r--r-- 0 0 - 0 1 /x/a", "rubbish\n", "D 1 7 drwx 0\n"]
)
def test_what_is_no_list_of_a_tree_is_trouble(text: str) -> None:
    assert parse("/x", text).troubles
