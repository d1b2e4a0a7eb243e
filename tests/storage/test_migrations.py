from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from hardencheck.errors import StoreError, StoreLocked
from hardencheck.storage import Store, migrate, open_store
from hardencheck.storage.lock import Lock
from hardencheck.storage.migrations import SCRIPTS
from hardencheck.storage.schema import REVISION, metadata
from tests.storage import samples


def tables(path: Path) -> dict[str, object]:
    """What SQLite knows of every table: columns, keys, indexes, whether it has row ids."""
    connection = sqlite3.connect(path)
    found: dict[str, object] = {}
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        indexes = connection.execute(f"PRAGMA index_list({name})").fetchall()
        found[name] = (
            connection.execute(f"PRAGMA table_info({name})").fetchall(),
            sorted(connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()),
            sorted((index[2:], connection.execute(f"PRAGMA index_info({index[1]})").fetchall()) for index in indexes),
            connection.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (name,)).fetchone(),
        )
    connection.close()
    return found


def test_the_migrations_leave_what_the_schema_says(tmp_path: Path, store: Store) -> None:
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    direct = tmp_path / "direct.db"
    engine = create_engine(f"sqlite:///{direct}")
    metadata.create_all(engine)
    engine.dispose()
    migrated = tables(store.path)
    assert migrated.pop("alembic_version") is not None
    assert migrated == tables(direct)


def test_the_schema_names_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [REVISION]
    assert Path(scripts.dir) == Path(migrate.__file__).with_name("migrations")


def test_a_store_of_a_newer_release_is_refused_and_left_alone(store: Store) -> None:
    store.close()
    connection = sqlite3.connect(store.path)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = tables(store.path)
    with pytest.raises(StoreError, match="newer release") as caught:
        open_store(store.path)
    assert caught.value.exit_code == 70
    assert caught.value.hint == "upgrade hardencheck on this machine"
    assert tables(store.path) == before


def test_an_empty_store_waits_for_its_holder_and_says_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "PATIENCE", 0.1)
    path = tmp_path / "store.db"
    with Lock(path).held("sweep 20261122T013000Z-00aa11"), pytest.raises(StoreLocked, match="20261122T013000Z-00aa11"):
        open_store(path)
    with open_store(path) as store:
        assert store.sweeps() == ()


def test_processes_that_make_one_store_at_the_same_time_all_get_it(tmp_path: Path) -> None:
    path = samples.database(tmp_path)
    code = (
        "import sys; from pathlib import Path; from hardencheck.storage import open_store; print('ready', flush=True);"
        "sys.stdin.readline(); print(open_store(Path(sys.argv[1])).sweeps())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    assert [each.communicate(timeout=60) for each in processes] == [("()\n", "")] * 4


def test_a_store_that_is_up_to_date_is_opened_without_alembic(store: Store) -> None:
    code = (
        "import sys; from pathlib import Path; from hardencheck.storage import open_store;"
        "open_store(Path(sys.argv[1])).close(); print([name for name in sys.modules if 'alembic' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_making_a_store_prints_nothing_and_leaves_logging_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.manager.disable)
    open_store(tmp_path / "store.db").close()
    assert (root.level, list(root.handlers), root.manager.disable) == before
    assert capfd.readouterr() == ("", "")
