"""Disks that are full, refuse, or may only be read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hardencheck.errors import StoreError
from hardencheck.storage import Store, open_store, sqlite
from tests.storage import samples
from tests.storage.samples import SWEEP_ID

ROOT = Path(__file__).parents[2]
NAMES = [f"agent{number:04}" for number in range(3000)]

LIMITED = """
import resource, sys
from pathlib import Path
from hardencheck.errors import StoreError
from hardencheck.storage import open_store
from tests.storage import samples, test_disk
with open_store(Path(sys.argv[1])) as store, store.lock(samples.SWEEP_ID):
    store.begin(samples.sweep(*test_disk.NAMES), samples.BASELINE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500000, 1500000))
    try:
        test_disk.fill(store)
    except StoreError as error:
        print(error.exit_code, error.reason, error.hint)
    print(len(test_disk.stored(store)))
"""


def fill(store: Store) -> None:
    with store.writer() as writer:
        for name in store.pending(SWEEP_ID):
            writer.put(samples.record(name))


def stored(store: Store) -> list[str]:
    """The hosts that the store has, all of whose evidence can be read."""
    names = []
    for host in store.hosts(SWEEP_ID):
        if host.manifest is not None:
            expected = samples.record(host.host)
            assert host == expected.result
            assert dict(store.blobs(expected.blobs)) == dict(expected.blobs)
            names.append(host.host)
    return names


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small file system is not permitted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_what_was_stored_can_be_read_and_resumed(small_disk: Path) -> None:
    path = small_disk / "store.db"
    with open_store(path) as store, store.lock(SWEEP_ID):
        store.begin(samples.sweep(*NAMES), samples.BASELINE)
        with pytest.raises(StoreError) as caught:
            fill(store)
        assert caught.value.exit_code == 70
        assert caught.value.reason == "disk_full"
        assert str(path) in caught.value.message
        before = stored(store)
    assert 100 < len(before) < len(NAMES)
    with open_store(path) as store:
        assert stored(store) == before
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    with open_store(path) as store, store.lock(SWEEP_ID):
        assert store.pending(SWEEP_ID) == tuple(NAMES[len(before) :])
        fill(store)
        assert stored(store) == NAMES


def test_a_store_that_is_made_on_a_full_disk_is_told_and_can_be_made_later(small_disk: Path) -> None:
    path = small_disk / "store.db"
    with suppress(OSError):
        (small_disk / "filler").write_bytes(b"x" * 4 * 1024 * 1024)
    with pytest.raises(StoreError, match="no space is left") as caught:
        open_store(path)
    assert caught.value.reason == "disk_full"
    (small_disk / "filler").unlink()
    with open_store(path) as store:
        assert store.sweeps() == ()


def test_a_file_that_may_not_grow_is_told_and_what_was_stored_can_be_read(tmp_path: Path) -> None:
    path = samples.database(tmp_path)
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=100, check=True
    )
    said, count = limited.stdout.splitlines()
    assert said.startswith(("70 disk_failed look for a full disk", "70 disk_full free disk space"))
    with open_store(path) as store:
        assert len(stored(store)) == int(count) > 100


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A store with one sweep that this process may only read."""
    path = samples.database(tmp_path)
    with open_store(path) as store:
        samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    folder = str(path.parent)
    if os.geteuid() == 0:
        mounted = subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip(f"mounting a folder read-only is not permitted here: {mounted.stderr.decode().strip()}")
        yield path
        subprocess.run(["umount", "--lazy", folder], check=True)
    else:
        path.chmod(0o400)
        path.parent.chmod(0o500)
        yield path
        path.parent.chmod(0o700)


def test_a_read_only_store_can_be_read_and_refuses_writing_in_a_sentence(read_only: Path) -> None:
    before = sorted(read_only.parent.iterdir())
    with open_store(read_only) as store:
        assert stored(store) == ["agent1"]
        assert [each.host for each in store.findings()] == ["agent1"]
        with pytest.raises(StoreError, match="it is read-only") as caught, store.lock(SWEEP_ID):
            store.begin(samples.sweep("agent2", sweep_id="other"), samples.BASELINE)
        assert caught.value.reason == "read_only"
    assert sorted(read_only.parent.iterdir()) == before


def test_a_store_cannot_be_made_where_nothing_may_be_written(read_only: Path) -> None:
    with pytest.raises(StoreError, match=r"other\.db") as caught:
        open_store(read_only.with_name("other.db"))
    assert caught.value.hint is not None


def test_a_folder_or_a_damaged_or_foreign_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("these are not the tables you are looking for\n" * 100)
    with pytest.raises(StoreError, match=r"text\.db: the file is no store"):
        open_store(tmp_path / "text.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StoreError, match=r"folder\.db"):
        open_store(tmp_path / "folder.db")
    with pytest.raises(StoreError, match=r"text\.db"):
        open_store(tmp_path / "text.db" / "store.db")
    foreign = sqlite3.connect(tmp_path / "foreign.db")
    foreign.execute("CREATE TABLE other (id)")
    foreign.close()
    before = (tmp_path / "foreign.db").read_bytes()
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path / "foreign.db")
    assert (tmp_path / "foreign.db").read_bytes() == before


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    path = samples.database(tmp_path)
    with open_store(path) as store:
        samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    damaged = bytearray(path.read_bytes())
    for start in range(4096, len(damaged), 4096):
        damaged[start : start + 64] = b"\xa5" * 64
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="damaged") as caught, open_store(path) as store:
        store.sweep("last")
    assert caught.value.hint == "restore it from a backup"


def test_a_damaged_list_of_tables_is_told(tmp_path: Path) -> None:
    path = samples.database(tmp_path)
    open_store(path).close()
    content = path.read_bytes()
    assert b"CREATE TABLE" in content
    path.write_bytes(content.replace(b"CREATE TABLE", b"CREATE TABL\xcc"))
    with pytest.raises(StoreError, match="damaged") as caught:
        open_store(path)
    assert caught.value.hint == "restore it from a backup"


def test_a_store_may_be_copied_while_nobody_writes(tmp_path: Path, store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    store.close()
    shutil.copy(store.path, tmp_path / "copy.db")
    with open_store(tmp_path / "copy.db") as copy:
        assert stored(copy) == ["agent1"]


def test_a_compact_copy_for_an_auditor_is_a_store(tmp_path: Path, store: Store) -> None:
    samples.run(store, samples.sweep("agent1"), samples.record("agent1"))
    connection = sqlite3.connect(store.path)
    connection.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    connection.close()
    with open_store(tmp_path / "copy.db") as copy:
        assert stored(copy) == ["agent1"]


MOUNTS = """\
25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
36 25 0:31 / /srv/my\\040share rw - nfs4 server:/export rw,vers=4.2
37 25 0:32 / /mnt/windows rw shared:7 master:3 - cifs //server/share rw
38 25 0:33 / /run rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("device", "kind"), [((0, 31), "nfs4"), ((0, 32), "cifs"), ((0, 33), None), ((254, 1), None), ((9, 9), None)]
)
def test_network_file_systems_are_known_by_their_device(device: tuple[int, int], kind: str | None) -> None:
    assert sqlite.network_file_system(MOUNTS, os.makedev(*device)) == kind


def test_a_store_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"36 25 {os.major(device)}:{os.minor(device)} / /srv rw - nfs4 server:/export rw\n")
    monkeypatch.setattr(sqlite, "_MOUNTS", mounts)
    with pytest.raises(StoreError, match="nfs4 is a network file system") as caught:
        open_store(samples.database(tmp_path))
    assert caught.value.hint == "put the store on a local disk"
    assert not samples.database(tmp_path).exists()
