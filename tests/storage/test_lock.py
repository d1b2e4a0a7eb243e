from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hardencheck.errors import StoreLocked
from hardencheck.storage import Store
from hardencheck.storage.lock import Lock
from tests.storage import samples

HOLDER = """
import sys
from pathlib import Path
from hardencheck.storage.lock import Lock
with Lock(Path(sys.argv[1])).held("sweep 20261122T013000Z-00aa11"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_another_process_is_named_with_its_sweep_and_its_lock_dies_with_it(store: Store) -> None:
    with holder(store.path) as other:
        with pytest.raises(StoreLocked) as caught, store.lock(samples.SWEEP_ID):
            pass
        assert f"process {other.pid} (sweep 20261122T013000Z-00aa11)" in caught.value.message
        assert caught.value.exit_code == 75
        os.kill(other.pid, signal.SIGKILL)
        other.wait(20)
        with store.lock(samples.SWEEP_ID):
            store.begin(samples.sweep("agent1"), samples.BASELINE)


def test_reading_needs_no_lock(store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    with holder(store.path) as other:
        assert store.sweep("last").hosts[0].host == "agent1"
        with Store(store.path) as second:
            assert second.pending(samples.SWEEP_ID) == ()
        other.communicate("\n", timeout=20)


def test_the_lock_also_holds_inside_one_process_and_is_free_after_an_error(store: Store) -> None:
    with Store(store.path) as second, store.lock("one"):
        with pytest.raises(StoreLocked, match=f"process {os.getpid()}"), second.lock("two"):
            pass
        with pytest.raises(StoreLocked), store.lock("two"):
            pass
        # who was refused did not take the lock away from its holder
        store.begin(samples.sweep("agent1"), samples.BASELINE)
    with pytest.raises(KeyboardInterrupt), store.lock("one"):
        raise KeyboardInterrupt
    with store.lock("two"):
        pass


def test_what_stands_in_the_lock_file_is_only_a_message(store: Store) -> None:
    with store.lock("one"):
        Path(f"{store.path}.lock").write_bytes(b"\xff{garbage")
        with pytest.raises(StoreLocked, match="another process"), Lock(store.path).held("two"):
            pass
