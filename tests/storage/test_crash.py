"""Kills real processes with SIGKILL at arbitrary points and looks at what is left."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

from hardencheck.model.outcome import HostState, Outcome
from hardencheck.storage import Store, open_store
from tests.storage import crash_child, samples

KILLS = 15
ROOT = Path(__file__).parents[2]


def child(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.storage.crash_child", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def told(process: subprocess.Popen[str], lines: int) -> None:
    """Read so many lines of the child, or all when it ends before."""
    assert process.stdout is not None
    for _ in range(lines):
        if not process.stdout.readline():
            return


def done(path: Path) -> set[str]:
    """The hosts that another connection sees as stored."""
    if not path.exists():
        return set()
    connection = sqlite3.connect(path)
    try:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sweep_host'").fetchall():
            return set()
        return {name for (name,) in connection.execute("SELECT host FROM sweep_host WHERE state != 'pending'")}
    finally:
        connection.close()


def assert_sound(store: Store) -> None:
    """Every host is pending without a trace, or complete with all that it rests on."""
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    if not store.sweeps(1):
        assert store.findings("all") == ()
        return
    hosts = {host.host: host for host in store.hosts(samples.SWEEP_ID)}
    assert list(hosts) == crash_child.HOSTS
    pending = set(store.pending(samples.SWEEP_ID))
    for name, host in hosts.items():
        expected = samples.record(name, same=name[-1] in "13579")
        if name in pending:
            assert host == samples.pending(name)
            continue
        assert host == expected.result
        assert host.state is HostState.REACHED
        assert dict(store.blobs(expected.blobs)) == dict(expected.blobs)
    failed = [(name, "rule-1") for name in crash_child.HOSTS if name not in pending]
    assert [(each.host, each.rule_id) for each in store.findings("all")] == failed


def test_no_kill_loses_or_halves_a_host(tmp_path: Path) -> None:
    path = samples.database(tmp_path)
    chance = random.Random(20261122)
    seen: set[str] = set()
    for number in range(KILLS):
        # the first kills hit the making of the store and the beginning of the sweep
        with child(path) as process:
            told(process, number if number < 2 else 1 + chance.randrange(30))
            acknowledged = done(path)
            process.kill()
        assert seen <= acknowledged
        with open_store(path) as store:
            seen = set(crash_child.HOSTS) - set(store.pending(samples.SWEEP_ID)) if store.sweeps(1) else set()
            assert acknowledged <= seen
            assert_sound(store)
            with store.lock("after the kill"):
                pass
    assert len(seen) < len(crash_child.HOSTS), "the kills came too late to prove anything"

    with child(path) as process:
        output, _ = process.communicate(timeout=120)
        assert output.endswith("finished\n")
    with open_store(path) as store:
        assert_sound(store)
        assert store.pending(samples.SWEEP_ID) == ()
        assert store.header("last").finished is not None
        assert {result.outcome for host in store.hosts(samples.SWEEP_ID) for result in host.results} == {
            Outcome.PASS,
            Outcome.FAIL,
            Outcome.UNKNOWN,
        }


def test_a_kill_while_the_store_is_made_leaves_nothing_or_all_of_it(tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(6):
        path = tmp_path / str(number) / "store.db"
        path.parent.mkdir()
        with child(path) as process:
            while not path.exists():
                assert process.poll() is None
            try:
                process.wait(chance.uniform(0, 0.25))
            except subprocess.TimeoutExpired:
                process.kill()
        with open_store(path) as store:
            assert_sound(store)


def test_a_cut_log_leaves_whole_transactions(tmp_path: Path) -> None:
    """A power cut may lose the end of the log: any prefix of it must be a sound store."""
    path = samples.database(tmp_path)
    with open_store(path) as store:
        with store.lock(samples.SWEEP_ID):
            store.begin(samples.sweep(*crash_child.HOSTS), samples.BASELINE)
            with store.writer() as writer:
                for name in crash_child.HOSTS[:60]:
                    writer.put(samples.record(name, same=name[-1] in "13579"))
        database, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    chance = random.Random(3)
    counts = set()
    for number in range(12):
        cut = tmp_path / f"cut{number}.db"
        cut.write_bytes(database)
        length = chance.randrange(len(log) // 3, len(log))
        Path(f"{cut}-wal").write_bytes(log[:length] + chance.randbytes(2048 * (number % 2)))
        with open_store(cut) as store:
            assert_sound(store)
            counts.add(len(store.pending(samples.SWEEP_ID)) if store.sweeps(1) else None)
    assert len(counts) > 2, "the cuts prove nothing"
