"""Packs on the command line: exported, verified and judged again, on a machine that has never seen the store."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hardencheck.storage import open_store
from tests.cli.stored import home_store
from tests.cli.test_command_line import run
from tests.evidence.chains import KEY, STRANGER
from tests.evidence.fleets import both


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a store of both clients' sweeps, its key, and a pack for Acme."""
    home = tmp_path_factory.mktemp("stored")
    with open_store(home_store(home)) as store:
        both(store)
    key = home_store(home).parent / "signing-key.pem"
    key.write_bytes(KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    key.with_suffix(".pub").write_bytes(KEY.verifier.pem)
    done = run("evidence", "export", "--client", "acme", "--out", home / "acme.zip", home=home)
    assert (done.returncode, done.stdout) == (0, f"{home}/acme.zip: 2 sweeps of 3 hosts of client acme\n"), done.stderr
    return home


@pytest.fixture
def elsewhere(stored: Path, tmp_path: Path) -> Path:
    """The home of an auditor: the pack and a copy of the public key, no store."""
    shutil.copy(stored / "acme.zip", tmp_path)
    (tmp_path / "bpo.pub").write_bytes(KEY.verifier.pem)
    return tmp_path


def no_store(home: Path) -> bool:
    return not (home / "state").exists()


def test_an_auditor_verifies_it_and_is_told_what_was_proved(stored: Path, elsewhere: Path) -> None:
    (elsewhere / "checkpoint").write_text(run("evidence", "checkpoint", home=stored).stdout)
    given = ("--key", elsewhere / "bpo.pub", "--checkpoint", elsewhere / "checkpoint")
    done = run("evidence", "verify", elsewhere / "acme.zip", *given, home=elsewhere)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("pack for client acme, made 20")
    assert lines[1] == "2 sweeps: 6 results of hosts and 20 captures are what was sealed"
    assert lines[2].startswith(
        "2 sweeps have a baseline or a roster without what concerns others, the pack's signature"
    )
    assert f"the pack is signed by key {KEY.verifier.keyid}" in lines
    assert lines[-1] == "nothing up to link 3 was changed since the checkpoint was made"
    own = run("evidence", "verify", elsewhere / "acme.zip", home=elsewhere)
    assert (own.returncode, own.stdout) == (0, "".join(f"{line}\n" for line in lines[:-1]))
    assert "the key came with the pack" in own.stderr
    with zipfile.ZipFile(elsewhere / "acme.zip") as archive:
        archive.extractall(elsewhere)
    assert run("evidence", "verify", elsewhere / "acme", home=elsewhere).stdout == own.stdout
    assert no_store(elsewhere)


def test_another_key_and_a_changed_pack_are_refused(elsewhere: Path) -> None:
    (elsewhere / "other.pub").write_bytes(STRANGER.verifier.pem)
    for command in (("evidence", "verify"), ("rejudge", "--pack")):
        done = run(*command, elsewhere / "acme.zip", "--key", elsewhere / "other.pub", home=elsewhere)
        assert (done.returncode, done.stdout) == (4, "")
        assert "acme.zip: pack.json: it is signed by key" in done.stderr
    content = bytearray((elsewhere / "acme.zip").read_bytes())
    content[len(content) // 2] ^= 1
    (elsewhere / "acme.zip").write_bytes(content)
    for command in (("evidence", "verify"), ("rejudge", "--pack")):
        done = run(*command, elsewhere / "acme.zip", home=elsewhere)
        assert (done.returncode, done.stdout) == (4, "")
        assert "acme.zip: the zip has the digest" in done.stderr


def test_judging_again_from_a_pack_needs_no_store_and_gives_the_same_report(stored: Path, elsewhere: Path) -> None:
    with zipfile.ZipFile(elsewhere / "acme.zip") as archive:
        packed = archive.read("acme/data/report.csv").decode()
    done = run("rejudge", "--pack", elsewhere / "acme.zip", "--format", "csv", home=elsewhere)
    assert done.stdout.splitlines() == packed.splitlines()
    assert done.stderr.splitlines() == [
        "the key came with the pack: --key FILE trusts a copy that came another way", "every result is as it was stored"
    ]  # fmt: skip
    key = ("--key", elsewhere / "bpo.pub")
    first = run("rejudge", "--pack", elsewhere / "acme.zip", "20261122", *key, home=elsewhere)
    assert first.stderr == "every result is as it was stored\n"
    assert done.returncode == first.returncode == 3
    literal = run("rejudge", "--pack", elsewhere / "acme.zip", *key, "--level", "literal-stig", home=elsewhere)
    assert literal.returncode == 3
    gone = run("rejudge", "--pack", elsewhere / "acme.zip", "2027", home=elsewhere)
    assert (gone.returncode, "no sweep in the pack begins with '2027'" in gone.stderr) == (64, True)
    assert no_store(elsewhere)


def test_with_pseudonyms_it_is_verified_and_not_judged(stored: Path, tmp_path: Path) -> None:
    key = tmp_path / "names.key"
    line = ("evidence", "export", "--client", "acme", "--pseudonymise", key, "--out", tmp_path / "acme.zip")
    done = run(*line, "--sample", "2", "--seed", "7", home=stored)
    assert done.returncode == 0, done.stderr
    assert key.stat().st_mode & 0o777 == 0o600
    assert "2 hosts are drawn with seed 7" in done.stdout
    verified = run("evidence", "verify", tmp_path / "acme.zip", home=tmp_path)
    assert verified.returncode == 0
    assert "0 results of hosts and 0 captures are what was sealed" in verified.stdout
    assert "6 results of hosts are edited" in verified.stdout
    judged = run("rejudge", "--pack", tmp_path / "acme.zip", home=tmp_path)
    assert (judged.returncode, "its names are replaced" in judged.stderr) == (64, True)
    names = run("evidence", "names", "--client", "acme", "--pseudonymise", key, home=stored)
    assert {"desk-1", "desk-2", "desk-3"} <= {each.split(" ", 1)[1] for each in names.stdout.splitlines()}
    missing = run("evidence", "names", "--client", "acme", "--pseudonymise", tmp_path / "none.key", home=stored)
    assert missing.returncode == 78
    assert not (tmp_path / "none.key").exists(), "names are never asked for with a new key"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--client", "acne"], 64, "--client acne: no finished sweep has a host of this client; did you mean acme?"),
        (["--client", "x"], 64, "there are acme, globex"),
        (["--client", "acme", "--since", "2026-11-25"], 64, "ended at 2026-11-24T01:50:00Z"),
        (["--client", "acme", "--since", "July"], 64, "--since July: expected a day such as 2026-07-01"),
        (["--client", "acme", "--sample", "3"], 64, "--sample and --seed go together"),
        (["--client", "acme", "--seed", "3"], 64, "--sample and --seed go together"),
        (["--client", "acme", "--sample", "0", "--seed", "3"], 64, "--sample and --seed go together"),
        (["--client", "acme", "--out", "acme.zip"], 64, "acme.zip: it is already there"),
        (["--client", "acme", "--signing-key", "none.pem"], 78, "none.pem: it cannot be read"),
        (["--client", "acme", "--waivers", "none.yaml"], 78, "none.yaml"),
        (["--client", "acme", "--store", "none.db"], 64, "none.db: it does not exist"),
        ([], 64, "--client"),
    ],
)
def test_what_cannot_be_exported_is_said_calmly(stored: Path, options: list[str], code: int, said: str) -> None:
    given = [str(stored / each) if each.partition(".")[2] else each for each in options]
    if "--out" not in given:
        given += ["--out", str(stored / "new.zip")]
    done = run("evidence", "export", *given, home=stored)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert not (stored / "new.zip").exists()


def test_a_pack_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    for command in (("evidence", "verify"), ("rejudge", "--pack")):
        done = run(*command, tmp_path / "none.zip", home=tmp_path)
        assert (done.returncode, "none.zip: it cannot be read" in done.stderr) == (64, True)
    done = run("rejudge", "--key", tmp_path / "x.pub", home=tmp_path)
    assert (done.returncode, "--key goes with --pack" in done.stderr) == (64, True)
