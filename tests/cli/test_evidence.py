"""`hardencheck evidence` as a user types it: what it prints, how it ends, and what it says when something is wrong."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hardencheck.evidence.chain import seal_sweep
from hardencheck.evidence.keys import signer
from hardencheck.storage import open_store
from tests.cli.test_command_line import run
from tests.storage import samples

RULE = ("--rule", "linux-accounts-only-root-uid-zero")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a store of two sweeps."""
    made = tmp_path_factory.mktemp("swept")
    for _ in range(2):
        assert run("sweep", "-q", *RULE, home=made).returncode in (0, 1, 2, 3)
    return made


@pytest.fixture
def home(swept: Path, tmp_path: Path) -> Path:
    """A copy of that home."""
    return shutil.copytree(swept, tmp_path / "home")


def folder(home: Path) -> Path:
    return home / "state" / "hardencheck"


def change(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder(home) / "hardencheck.db")) as connection, connection:
        assert connection.execute(statement).rowcount


def test_a_store_is_proved_and_held_to_a_checkpoint(home: Path) -> None:
    checkpoint = run("evidence", "checkpoint", home=home)
    assert (checkpoint.returncode, checkpoint.stderr) == (0, "")
    assert checkpoint.stdout.splitlines()[1] == "2"
    (home / "checkpoint").write_text(checkpoint.stdout)
    run("sweep", "-q", *RULE, home=home)
    done = run("evidence", "verify", home=home)
    assert done.returncode == 0
    assert done.stdout.startswith("3 sweeps: 3 results of hosts and ")
    assert "--checkpoint FILE" in done.stderr
    held = run("evidence", "verify", "--checkpoint", home / "checkpoint", home=home)
    assert (held.returncode, held.stderr) == (0, "")
    assert held.stdout == done.stdout + "nothing up to link 2 was changed since the checkpoint was made\n"


def test_the_first_broken_link_is_named(home: Path) -> None:
    change(home, "UPDATE sweep_host SET message = 'all is well' WHERE sweep = 2")
    done = run("evidence", "verify", home=home)
    assert (done.returncode, done.stdout) == (4, "")
    assert "host localhost: what is stored of it has the leaf hash" in done.stderr


def test_a_changed_checkpoint_and_one_of_another_store_are_refused(home: Path, tmp_path: Path) -> None:
    own = run("evidence", "checkpoint", home=home).stdout
    (home / "checkpoint").write_text(own.replace("\n2\n", "\n1\n"))
    done = run("evidence", "verify", "--checkpoint", home / "checkpoint", home=home)
    assert done.returncode == 4
    assert "none of the trusted keys signed it" in done.stderr
    run("sweep", "-q", *RULE, "--store", home / "other" / "h.db", home=home)
    other = run("evidence", "checkpoint", "--store", home / "other" / "h.db", home=home).stdout
    (home / "checkpoint").write_text(other)
    keys = ("--key", home / "other" / "signing-key.pub", "--key", folder(home) / "signing-key.pub")
    done = run("evidence", "verify", "--checkpoint", home / "checkpoint", *keys, home=home)
    assert done.returncode == 4
    assert "belongs to another store" in done.stderr


def test_a_copy_of_the_store_is_proved_by_a_public_key_from_elsewhere(home: Path, tmp_path: Path) -> None:
    key = tmp_path / "kept.pub"
    key.write_bytes((folder(home) / "signing-key.pub").read_bytes())
    for name in ("signing-key.pem", "signing-key.pub"):
        (folder(home) / name).unlink()
    assert run("evidence", "verify", "--key", key, home=home).returncode == 0
    lost = run("evidence", "verify", home=home)
    assert (lost.returncode, "cannot be read" in lost.stderr) == (78, True)
    run("sweep", "-q", *RULE, home=home)
    done = run("evidence", "verify", "--key", key, home=home)
    assert done.returncode == 4
    assert "link 2 of the chain" in done.stderr
    new = folder(home) / "signing-key.pub"
    assert run("evidence", "verify", "--key", key, "--key", new, home=home).returncode == 0


def test_a_sweep_signs_with_the_key_that_it_is_given(home: Path, tmp_path: Path) -> None:
    missing = run("sweep", "-q", *RULE, "--signing-key", tmp_path / "none.pem", home=home)
    assert missing.returncode == 78
    assert run("sweeps", home=home).stdout.count("\n") == 3, "no sweep was begun"
    key = tmp_path / "own.pem"
    key.write_bytes((folder(home) / "signing-key.pem").read_bytes())
    key.chmod(0o644)
    assert "chmod 600" in run("sweep", "-q", *RULE, "--signing-key", key, home=home).stderr
    key.chmod(0o600)
    assert run("sweep", "-q", *RULE, "--signing-key", key, home=home).returncode in (0, 1, 2, 3)
    assert run("evidence", "verify", home=home).returncode == 0


def test_a_lost_key_stops_a_sweep_before_any_host_is_asked(home: Path) -> None:
    (folder(home) / "signing-key.pem").unlink()
    done = run("sweep", "-q", *RULE, home=home)
    assert done.returncode == 78
    assert "it is gone" in done.stderr
    assert run("evidence", "verify", home=home).returncode == 0


@pytest.mark.parametrize("command", ["verify", "checkpoint"])
def test_nothing_is_proved_about_nothing(command: str, tmp_path: Path) -> None:
    done = run("evidence", command, home=tmp_path)
    assert (done.returncode, "does not exist" in done.stderr) == (64, True)
    assert not folder(tmp_path).exists()
    run("sweep", "-q", *RULE, home=tmp_path)
    change(tmp_path, "DELETE FROM chain")
    change(tmp_path, "UPDATE sweep SET finished = NULL")
    done = run("evidence", command, home=tmp_path)
    assert (done.returncode, "no finished sweep" in done.stderr) == (64, True)


def test_a_purge_leaves_what_proves_the_chain(home: Path) -> None:
    checkpoint = run("evidence", "checkpoint", home=home).stdout
    (home / "checkpoint").write_text(checkpoint)
    done = run("store", "purge", "--older-than", "400d", home=home)
    assert (done.returncode, done.stdout) == (0, "0 sweeps purged; 0 pieces of content went with them\n")
    with open_store(folder(home) / "hardencheck.db") as store, store.lock("of long ago"):
        planned = samples.sweep(sweep_id="20200101T000000Z-00aa11")
        store.begin(planned, samples.BASELINE)
        seal_sweep(store, planned.id, "2020-01-01T00:00:00Z", signer(folder(home) / "signing-key.pem", make=False))
    done = run("store", "purge", "--older-than", "400d", home=home)
    assert (done.returncode, done.stdout.split(";")[0]) == (0, "1 sweeps purged")
    proved = run("evidence", "verify", "--checkpoint", home / "checkpoint", home=home)
    assert proved.returncode == 0, proved.stderr
    assert "1 of the sweeps are purged" in proved.stdout


def test_nothing_is_said_of_a_sweep_that_has_not_ended_but_its_name(home: Path) -> None:
    with open_store(folder(home) / "hardencheck.db") as store, store.lock("unfinished"):
        store.begin(samples.sweep("agent1", sweep_id="20990101T000000Z-00aa11"), samples.BASELINE)
    proved = run("evidence", "verify", home=home)
    assert proved.returncode == 0
    assert "nothing is proved of sweeps that have not ended: 20990101T000000Z-00aa11" in proved.stdout


@pytest.mark.parametrize("age", ["400", "d", "0d", "-1d", "1w", "1000000d"])
def test_an_age_is_a_number_of_days(tmp_path: Path, age: str) -> None:
    done = run("store", "purge", f"--older-than={age}", home=tmp_path)
    assert (done.returncode, "expected a number of days" in done.stderr) == (64, True)
