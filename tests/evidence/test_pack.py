"""Packs: what other programs make of them, what their verification proves, and what nobody can change in one unseen."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import bagit
import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from hardencheck.baselines.snapshot import from_bytes
from hardencheck.errors import EvidenceError, UsageError
from hardencheck.evidence import bag, pack
from hardencheck.evidence.chain import checkpoint_of
from hardencheck.evidence.checkpoint import signed as checkpoint_signed
from hardencheck.evidence.pack_source import Pack, opened
from hardencheck.model.capture import digest
from hardencheck.pipeline.rejudge import differences, rejudge
from hardencheck.storage import open_store
from tests.evidence.chains import KEY, STRANGER
from tests.evidence.fleets import ACME, TILLS, both, packed, sweep
from tests.evidence.packs import Made, about_of, broken, content_of, proved, remanifested, signed
from tests.tools import need_program


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
    """The pack, unpacked."""
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "acme"


# what other programs make of a pack


def test_the_commands_in_its_readme_verify_it_and_see_every_file(folder: Path) -> None:
    need_program("openssl", "sha256sum")
    readme = (folder / "README.txt").read_text()
    lines = re.findall(r"^    (.*)$", readme, re.M)
    script = "\n".join(["set -e", *lines[: lines.index("done") + 1]])

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[-4:] == ["Signature Verified Successfully", *(f"{name}: OK" for name in sorted(pack.SIGNED))]
    assert all(line.endswith(": OK") for line in said[:-4])
    keyid = lines[lines.index("openssl pkey -pubin -in signing-key.pub -outform DER | sha256sum")]
    told = subprocess.run(["sh", "-c", keyid], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert told.split()[0] == KEY.verifier.keyid
    assert KEY.verifier.keyid in readme
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and each.name != bag.TAG_MANIFEST):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        done = run()
        assert done.returncode != 0 or done.stdout.splitlines() != said, path
        path.write_bytes(content)


def test_bagit_validates_it(folder: Path) -> None:
    found = bagit.Bag(str(folder))
    assert found.validate()
    files = [each for each in (folder / "data").rglob("*") if each.is_file()]
    assert found.info["Payload-Oxum"] == f"{sum(each.stat().st_size for each in files)}.{len(files)}"
    (folder / "data" / "population.csv").write_bytes(b"")
    with pytest.raises(bagit.BagValidationError):
        found.validate()


def test_securesystemslib_reads_its_statement(made: Made) -> None:
    envelope = Envelope.from_dict(json.loads(made.content["pack.json"]))
    key = SSlibKey(KEY.verifier.keyid, "ed25519", "ed25519", {"public": KEY.verifier.raw.hex()})
    assert envelope.verify([key], 1) == {KEY.verifier.keyid: key}
    said = json.loads(envelope.payload)
    assert said["predicateType"] == "urn:hardencheck:pack:1"
    found = {each["name"]: each["digest"]["sha256"] for each in said["subject"]}
    assert found == {name: digest(made.content[name]) for name in pack.SIGNED}
    other = SSlibKey(KEY.verifier.keyid, "ed25519", "ed25519", {"public": STRANGER.verifier.raw.hex()})
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)


# what is proved


def test_what_is_proved_is_told(made: Made) -> None:
    found = proved(made.path.read_bytes())
    assert (found.sweeps, found.hosts, found.captures, found.withheld) == (2, 6, 20, 0)
    assert (found.edited, found.signers) == ([], {KEY.verifier.keyid})
    assert found.narrowed == [each.id for each in made.sweeps], "the tailoring and the roster spoke of others"
    assert found.head == made.checkpoints[-1]


def test_it_holds_what_its_reports_link_to(made: Made) -> None:
    for name in ("data/cover.html", "data/report.html"):
        for href in re.findall(r'href="([^"#:]+)"', made.content[name].decode()):
            assert f"data/{href}" in made.content or href.startswith("../"), href


def test_every_earlier_checkpoint_holds(made: Made) -> None:
    for checkpoint in made.checkpoints:
        assert broken(made.path.read_bytes(), checkpoint) == ""


def test_an_unpacked_one_is_verified_as_well(folder: Path, made: Made) -> None:
    with opened(folder, [KEY.verifier]) as found:
        assert found.verify() == proved(made.path.read_bytes())


def test_judging_again_needs_no_store_and_gives_what_was_sealed(made: Made) -> None:
    with opened(made.path, None) as found:
        found.verify()
        for sealed in made.sweeps:
            before = found.sweep(sealed.id)
            own = tuple(host for host in sealed.hosts if host.labels["client"] == "acme")
            assert before == replace(sealed, hosts=own, settings={})
            after = rejudge(before, from_bytes(found.baseline(before)), found)
            assert after == before
            assert differences(before, after) == []
        assert found.sweep("last").id == made.sweeps[-1].id
        assert found.sweep("20261122").id == made.sweeps[0].id
        for name in ("2026", "x", ""):
            with pytest.raises(UsageError, match="in the pack begins with"):
                found.sweep(name)


def test_only_a_trusted_key_counts(made: Made) -> None:
    with pytest.raises(EvidenceError, match="signed by key a050837d85070582"), opened(made.path, [STRANGER.verifier]):
        pass
    anew = {**made.content, pack.CHECKPOINT: checkpoint_signed(made.checkpoints[-1], STRANGER).encode()}
    forged = signed(anew, about_of(made.content), STRANGER)
    assert "expected one of the trusted ones" in broken(forged)
    with pytest.raises(EvidenceError, match="link 0 of the chain"):  # the sweeps were not signed by the forger
        proved(forged, key=STRANGER)


# what is seen


def test_every_flipped_bit_of_a_zip_is_seen(tmp_path: Path) -> None:
    with open_store(tmp_path / "s" / "h.db") as store:
        sweep(store, (ACME[1], TILLS[0]))
        archive = bytearray(packed(store, tmp_path / "acme.zip").read_bytes())
    assert proved(archive).hosts == 1
    assert len(archive) < 64 * 1024
    for place in range(len(archive)):
        for bit in range(8):
            _flip(archive, place, bit)


def test_flipped_bits_of_a_large_zip_are_seen(tmp_path: Path) -> None:
    chosen = random.Random(4)
    with open_store(tmp_path / "s" / "h.db") as store:
        sweep(store, tuple(replace(ACME[1], name=f"till-{number:03d}", more=_noise(number)) for number in range(60)))
        archive = bytearray(packed(store, tmp_path / "acme.zip").read_bytes())
    assert proved(archive).hosts == 60
    assert len(archive) > 256 * 1024
    for _ in range(10_000):
        _flip(archive, chosen.randrange(64 * 1024, len(archive)), chosen.randrange(8))


def _noise(number: int) -> str:
    """Lines that make a host's answer its own, and hard to deflate."""
    chosen = random.Random(number)
    return "".join(f"#{chosen.getrandbits(256):064x}\n" for _ in range(100))


def _flip(archive: bytearray, place: int, bit: int) -> None:
    """Fail the test unless a flipped bit is seen; leaves the zip as it was."""
    archive[place] ^= 1 << bit
    try:
        # the rest is looked at where nothing was found so far, which is true for the signature in the comment
        Pack(bag.from_zip(io.BytesIO(archive)), [KEY.verifier])
    except EvidenceError:
        pass
    else:
        pytest.fail(f"bit {bit} of byte {place}")
    archive[place] ^= 1 << bit


def test_flipped_bits_are_seen_even_when_the_digest_of_the_zip_is_made_anew(made: Made) -> None:
    chosen, archive = random.Random(5), made.path.read_bytes()
    end = archive.rindex(b"PK\5\6")
    comment = archive[end:]
    for _ in range(1500):
        changed = bytearray(archive[:end])
        changed[chosen.randrange(end)] ^= 1 << chosen.randrange(8)
        anew = comment.replace(digest(archive[:end]).encode(), digest(bytes(changed)).encode())
        assert broken(bytes(changed) + anew)


def test_flipped_bits_of_an_unpacked_one_are_seen(folder: Path) -> None:
    chosen = random.Random(6)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        for _ in range(20):
            changed, place = bytearray(content), chosen.randrange(len(content))
            changed[place] ^= 1 << chosen.randrange(8)
            path.write_bytes(changed)
            with pytest.raises(EvidenceError), opened(folder, [KEY.verifier]) as found:
                found.verify()
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["pack.json", "pack.pae", "pack.sig", "signing-key.pub", "README.txt", "bag-info.txt"])
def test_a_signed_file_of_another_pack_does_not_fit(made: Made, name: str, tmp_path: Path) -> None:
    """Each file is that of a later pack of the same store with the same key, and the manifests are made anew."""
    with open_store(tmp_path / "s" / "h.db") as store:
        both(store, 1)
        other = content_of(packed(store, tmp_path / "acme.zip"))
    if name in ("signing-key.pub", "README.txt"):
        other[name] = STRANGER.verifier.pem if name == "signing-key.pub" else other[name] + b"\n"
    assert other[name] != made.content[name]
    said = broken(remanifested({**made.content, name: other[name]}))
    assert said
    assert re.search(r"pack\.(json|pae|sig)|signing-key|README|bag-info|manifest", said)


def test_a_pack_made_anew_from_a_rewritten_store_is_convicted_by_an_earlier_checkpoint(
    made: Made, tmp_path: Path
) -> None:
    """Somebody with the key makes the whole history anew, without the leaver on desk-1, and packs it."""
    with open_store(tmp_path / "s" / "h.db") as store:
        clean = replace(ACME[0], people=("ines.mora",))
        sweep(store, (clean, TILLS[0], *ACME[1:], TILLS[1]), 0)
        sweep(store, TILLS, 1)
        sweep(store, (clean, *ACME[1:], *TILLS), 2)
        archive = packed(store, tmp_path / "acme.zip").read_bytes()
    assert broken(archive) == "", "nothing in the pack itself tells"
    for checkpoint in made.checkpoints:
        assert "belongs to another store, or everything was rewritten" in broken(archive, checkpoint)


def test_history_that_was_rewritten_in_the_middle_or_cut_is_convicted(tmp_path: Path) -> None:
    with open_store(tmp_path / "true" / "h.db") as store:
        sweep(store, (*ACME, *TILLS), 0)
        shutil.copytree(tmp_path / "true", tmp_path / "other")
        sweep(store, TILLS, 1)
        sweep(store, (*ACME, *TILLS), 2)
        checkpoints = [checkpoint_of(store.envelopes()[:size]) for size in range(1, 4)]
    with open_store(tmp_path / "other" / "h.db") as store:
        sweep(store, TILLS[:1], 1)
        cut = packed(store, tmp_path / "cut.zip").read_bytes()
        sweep(store, (*ACME, *TILLS), 2)
        archive = packed(store, tmp_path / "acme.zip").read_bytes()
    assert broken(archive, checkpoints[0]) == ""
    for checkpoint in checkpoints[1:]:
        assert "history was rewritten" in broken(archive, checkpoint)
    assert "the last ones are gone" in broken(cut, checkpoints[2])


def test_a_log_that_begins_with_somebody_elses_sweep_is_proved_too(made: Made, tmp_path: Path) -> None:
    with open_store(tmp_path / "s" / "h.db") as store:
        for number, desks in enumerate((TILLS, TILLS, ACME, TILLS, ACME, (*TILLS, *ACME), TILLS)):
            sweep(store, desks, number)
        archive = packed(store, tmp_path / "acme.zip").read_bytes()
        checkpoints = [checkpoint_of(store.envelopes()[:size]) for size in range(1, 8)]
    assert {broken(archive, each) for each in checkpoints} == {""}
    assert (proved(archive).sweeps, proved(archive).hosts) == (3, 9)
    assert "belongs to another store" in broken(archive, made.checkpoints[0])


# hostile files


def test_a_folder_with_more_in_it_is_refused(folder: Path) -> None:
    (folder / "data" / "notes.txt").write_bytes(b"")
    with pytest.raises(EvidenceError, match=r"notes\.txt: no manifest lists it"), opened(folder, [KEY.verifier]):
        pass


def test_errors_name_the_pack(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    shutil.copy(made.path, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EvidenceError, match=f"pack {path}: the file does not end as a pack does"), opened(path, None):
        pass
