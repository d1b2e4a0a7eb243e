"""Commands that delete recordings: what hardencheck says they leave, against what the real programs leave."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

import pytest

from hardencheck.probes.linux.purge_commands import Deletion, Target, deletions

FILES = ("a.wav", "b.MP3", "2026/c.wav", "2026/11/d.mp3")
TESTS = ["", "-name '*.wav'", "-iname '*.mp3'", "-name '*.wav' -o -name '*.mp3'"]
DEPTHS = ["", "-maxdepth 1", "-maxdepth 2", "-mindepth 2", "-mindepth 2 -maxdepth 2"]
WAYS = [
    "find {top} {depth} -type f {test} -mtime +30 -delete",
    "cd {top} && find . {depth} -type f {test} -mtime +30 -delete",
    "nice -n 10 timeout 60 find {top}/ {depth} -type f {test} -mtime +30 -exec rm -f {{}} +",
    'sh -c "find {above} {deeper} -type f {test} -mtime +30 -print0 | xargs -0 -r rm -f"',
]


def _deeper(depth: str) -> str:
    """The same depths seen from the directory above."""
    return " ".join(str(int(word) + 1) if word.isdigit() else word for word in depth.split())


@pytest.mark.parametrize("way", WAYS)
def test_what_a_command_leaves_is_what_the_programs_leave(way: str, tmp_path: Path) -> None:
    for number, (test, depth) in enumerate(itertools.product(TESTS, DEPTHS)):
        top = tmp_path / str(number) / "rec"
        for file in FILES:
            (top / file).parent.mkdir(parents=True, exist_ok=True)
            (top / file).write_text("voice")
            os.utime(top / file, (0, 0))
        grouped = f"\\( {test} \\)" if " -o " in test else test
        command = way.format(top=top, above=top.parent, depth=depth, deeper=_deeper(depth), test=grouped)
        told = list(deletions(command, Target((str(top),), FILES, no_dots=True), {}))
        subprocess.run(["sh", "-c", command], check=True, cwd="/")
        left = {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}
        if left == set(FILES):
            assert told == [], command
        else:
            assert told == [Deletion(30, frozenset(left))], command


@pytest.mark.parametrize(
    "command",
    [
        "false && find /srv/rec -delete",
        "true || find /srv/rec -delete",
        "echo find /srv/rec -delete",
        "find /srv/rec -exec echo rm {} +",
        "find /srv/recordings -delete",
        "find /srv/rec/old -delete",
        "find /srv/rec -type d -empty -delete",
        "rm -f /srv/rec/lock",
        "# find /srv/rec -delete",
    ],
)
def test_what_deletes_nothing_there_is_no_purge(command: str) -> None:
    assert list(deletions(command, Target(("/srv/rec",), ("call.wav",), no_dots=True), {})) == []


@pytest.mark.parametrize(
    "command",
    [
        "find /srv/rec -name '*.wav' -o -name '*.mp3' -mtime +30 -delete",
        "find /srv/rec -user agent -mtime +30 -delete",
        "find /srv/rec -path '*/keep/*' -prune -o -mtime +30 -delete",
        "find /srv/rec -mtime +30 -exec sh -c 'rm \"$1\"' sh {} ';'",
        "find /srv/rec -mtime +$DAYS -delete",
        "rm -rf /srv/rec/*",
        "find /srv/rec -mtime '+30 -delete",
    ],
)
def test_what_cannot_be_told_is_not_guessed(command: str) -> None:
    found = list(deletions(command, Target(("/srv/rec",), ("call.wav",), no_dots=True), {}))
    assert [deletion.days for deletion in found] == [None]
