"""Kills real processes with SIGKILL while they seal: a sweep is sealed and finished, or neither."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from hardencheck.evidence.chain import checkpoint_of
from hardencheck.evidence.checkpoint import Checkpoint
from hardencheck.storage import open_store
from tests.evidence.chains import proved
from tests.storage import samples

ROOT = Path(__file__).parents[2]
KILLS = 12


def test_no_kill_breaks_the_chain(tmp_path: Path) -> None:
    path = samples.database(tmp_path)
    chance = random.Random(5)
    before: Checkpoint | None = None
    halves = 0
    for _ in range(KILLS):
        line = [sys.executable, "-m", "tests.evidence.crash_child", str(path)]
        with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(1 + chance.randrange(6))]
            process.kill()
        with open_store(path) as store:
            found = proved(store, before)
            assert found.sweeps >= told.count("sealed\n") + (before.size if before else 0)
            assert found.hosts == 8 * found.sweeps
            sweeps = store.sweeps(1000)
            assert [each.finished is None for each in sweeps[1:]] == [False] * (len(sweeps) - 1)
            halves += sweeps[0].finished is None
            if found.sweeps:
                before = checkpoint_of(store.envelopes())
    assert before is not None
    assert before.size >= KILLS // 2
    assert halves, "no kill came while a sweep was open"
