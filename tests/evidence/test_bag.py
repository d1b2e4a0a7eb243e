"""Bags: what other programs make of them, and that nothing but what was written is read."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import random
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import bagit
import pytest

from hardencheck.errors import EvidenceError, UsageError
from hardencheck.evidence import bag
from hardencheck.model.capture import digest
from tests.evidence.chains import KEY

PAYLOAD = {
    "data/cover.html": b"<html>cover</html>\n",
    "data/evidence/sha256/" + "ab" * 32: os.urandom(90),
    "data/sweeps/20261122T013000Z-00aa11/hosts/000012.json": b'{"host":"desk-1"}' * 40,
    "data/empty": b"",
}


def sign(found: str) -> bytes:
    return KEY.sign(found.encode())


def made(payload: dict[str, bytes], top: str = "acme") -> bytes:
    """The zip of a bag with this payload."""
    files = {name: partial(bytes, content) for name, content in payload.items()}
    tags = bag.tags(bag.listing(files), {"Bagging-Date": "2026-11-22"})
    out = io.BytesIO()
    bag.write(out, top, files, tags, sign)
    return out.getvalue()


def resealed(archive: bytes, change: Callable[[bytearray], None]) -> bytes:
    """Change what is before the end record, and make the comment fit again; its signature is left alone."""
    start = archive.rindex(b"PK\5\6")
    body = bytearray(archive[:start])
    change(body)
    return bytes(body) + archive[start:].replace(digest(archive[:start]).encode(), digest(bytes(body)).encode())


def rezipped(members: list[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    """A zip of any members with a comment that fits it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(plain(name) if isinstance(name, str) else name, content)
    found = digest(out.getvalue()[:-22])
    comment = f"sha256:{found} signature:{sign(found).hex()}".encode()
    return out.getvalue()[:-2] + struct.pack("<H", len(comment)) + comment


def plain(name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.create_system, found.external_attr, found.compress_type = 3, 0o100644 << 16, zipfile.ZIP_DEFLATED
    return found


def members_of(archive: bytes) -> list[tuple[str | zipfile.ZipInfo, bytes]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return [(each.filename, found.read(each)) for each in found.infolist()]


def unpacked(archive: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        found.extractall(folder)
    return folder / "acme"


def refused(archive: bytes) -> str:
    """Why a zip is not read as a bag; empty when it is, and every file of it."""
    try:
        bag.from_zip(io.BytesIO(archive)).verify()
    except EvidenceError as error:
        return error.message
    return ""


@pytest.fixture(scope="module")
def archive() -> bytes:
    return made(PAYLOAD)


def test_others_read_it(archive: bytes, tmp_path: Path) -> None:
    folder = unpacked(archive, tmp_path)
    assert bagit.Bag(str(folder)).validate()
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        done = subprocess.run(["sha256sum", "--strict", "-c", manifest], cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_same_content_makes_the_same_bytes_and_is_read_again(archive: bytes) -> None:
    assert made(dict(reversed(PAYLOAD.items()))) == archive
    found = bag.from_zip(io.BytesIO(archive))
    found.verify()
    assert {name: found.read(name) for name in found.digests if name.startswith("data/")} == PAYLOAD
    assert found.seal is not None
    assert KEY.verifier.signed(found.seal.digest.encode(), found.seal.signature)


def test_an_unpacked_folder_is_read_too_whatever_it_is_called(archive: bytes, tmp_path: Path) -> None:
    folder = unpacked(archive, tmp_path).rename(tmp_path / "anything else")
    with bag.opened(folder) as found:
        found.verify()
        assert found.seal is None


def test_every_flipped_bit_of_a_zip_is_seen(archive: bytes) -> None:
    assert len(archive) < 4096
    for place in range(len(archive)):
        for bit in range(8):
            changed = bytearray(archive)
            changed[place] ^= 1 << bit
            if not refused(bytes(changed)):
                # the signature is not known here: only who has the key can tell that it is another one
                assert place >= len(archive) - 128, f"bit {bit} of byte {place}"
                seal = bag.from_zip(io.BytesIO(bytes(changed))).seal
                assert seal is not None
                assert not KEY.verifier.signed(seal.digest.encode(), seal.signature)


def test_a_digest_made_anew_is_not_what_was_signed(archive: bytes) -> None:
    chosen = random.Random(1)

    def flip(body: bytearray) -> None:
        body[chosen.randrange(len(body))] ^= 1 << chosen.randrange(8)

    for _ in range(2000):
        changed = resealed(archive, flip)
        if not refused(changed):
            seal = bag.from_zip(io.BytesIO(changed)).seal
            assert seal is not None
            assert not KEY.verifier.signed(seal.digest.encode(), seal.signature)


def test_every_flipped_bit_of_an_unpacked_folder_is_seen(archive: bytes, tmp_path: Path) -> None:
    folder = unpacked(archive, tmp_path)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        with path.open("r+b", buffering=0) as file:
            for place, bit in itertools.product(range(len(content)), range(8)):
                os.pwrite(file.fileno(), bytes([content[place] ^ 1 << bit]), place)
                with pytest.raises(EvidenceError), bag.opened(folder) as found:
                    found.verify()
                os.pwrite(file.fileno(), content[place : place + 1], place)


@pytest.mark.parametrize("cut", [1, 21, 22, 150, 215, 1000])
def test_a_zip_that_is_cut_off_or_grown_is_refused(archive: bytes, cut: int) -> None:
    assert refused(archive[:-cut])
    assert refused(archive[cut:])
    assert refused(archive + bytes(cut))
    assert refused(bytes(cut) + archive)


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "data/../../evil", "data\\evil", "data//evil", "data/.hidden", "data/new\nline",
     "data/" + "x" * 300, "data/e\u0301", "C:evil", "data/", "data/a/./b"],
)  # fmt: skip
def test_names_that_mean_more_than_a_name_are_refused(archive: bytes, name: str) -> None:
    found = refused(rezipped([*members_of(archive), (f"acme/{name}", b"")]))
    assert "no such name" in found, found


@pytest.mark.parametrize("top", ["..", ".", "", "a\\b", ".git", "C:"])
def test_a_folder_that_means_more_than_a_name_is_refused(archive: bytes, top: str) -> None:
    moved = [(f"{top}/{str(name).partition('/')[2]}", content) for name, content in members_of(archive)]
    assert "no such name" in refused(rezipped([*moved]))
    assert "no such name" in refused(rezipped([]))


def test_what_is_no_plain_file_in_one_folder_is_refused(archive: bytes) -> None:
    members = members_of(archive)
    link = zipfile.ZipInfo("acme/data/link")
    link.create_system, link.external_attr, link.compress_type = 3, 0o120777 << 16, zipfile.ZIP_DEFLATED
    assert "expected a deflated file" in refused(rezipped([*members, (link, b"/etc/passwd")]))
    assert "outside of folder" in refused(rezipped([*members, ("other/data/x", b"")]))
    with pytest.warns(UserWarning, match="Duplicate"):
        assert "it is there twice" in refused(rezipped([*members, members[0]]))
    stored = zipfile.ZipInfo("acme/data/stored")
    stored.compress_type = zipfile.ZIP_STORED
    assert "expected a deflated file" in refused(rezipped([*members, (stored, b"x")]))
    assert "nothing but capitals" in refused(made({**PAYLOAD, "data/COVER.html": b""}))


def test_files_beyond_the_manifest_and_files_that_are_gone_are_named(archive: bytes, tmp_path: Path) -> None:
    members = members_of(archive)
    assert "data/more: no manifest lists it" in refused(rezipped([*members, ("acme/data/more", b"")]))
    assert "more.txt: no manifest lists it" in refused(rezipped([*members, ("acme/more.txt", b"")]))
    fewer = [each for each in members if each[0] != "acme/data/cover.html"]
    assert "data/cover.html: it is missing" in refused(rezipped(fewer))
    fewer = [each for each in members if each[0] != "acme/manifest-sha256.txt"]
    assert "manifest-sha256.txt is missing" in refused(rezipped(fewer))
    folder = unpacked(archive, tmp_path)
    (folder / "data" / ".DS_Store").write_bytes(b"")
    with pytest.raises(EvidenceError, match="no such name"), bag.opened(folder):
        pass


def test_a_link_in_a_folder_is_not_followed(archive: bytes, tmp_path: Path) -> None:
    folder = unpacked(archive, tmp_path)
    shutil.move(folder / "data" / "cover.html", tmp_path / "cover.html")
    (folder / "data" / "cover.html").symlink_to(tmp_path / "cover.html")
    with pytest.raises(EvidenceError, match="links are not followed"), bag.opened(folder):
        pass
    (folder / "data" / "cover.html").unlink()
    os.mkfifo(folder / "data" / "cover.html")
    with pytest.raises(EvidenceError, match="it is no file"), bag.opened(folder):
        pass


@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
@pytest.mark.parametrize(
    "change", [bytes.upper, lambda text: text * 2, lambda text: text[:-1], lambda text: text + b"x\n"]
)
def test_a_manifest_has_one_spelling(archive: bytes, manifest: str, change: Callable[[bytes], bytes]) -> None:
    members = dict(members_of(archive))
    name = f"acme/{manifest}"
    members[name] = change(members[name])
    if manifest.startswith("manifest"):
        tags = "acme/tagmanifest-sha256.txt"
        was = digest(dict(members_of(archive))[name]).encode()
        members[tags] = members[tags].replace(was, digest(members[name]).encode())
    assert manifest in refused(rezipped(list(members.items())))


def test_a_bomb_is_not_inflated(archive: bytes) -> None:
    bomb = rezipped([*members_of(archive), ("acme/data/bomb", bytes(bag.MAX_FILE + 1))])
    assert len(bomb) < 1024 * 1024
    assert "more than the" in refused(bomb)
    start = bomb.index(b"acme/data/bomb") - 30

    def lie(body: bytearray) -> None:
        for header, field in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
            place = body.index(header + body[start + 4 : start + 6]) if header == b"PK\3\4" else body.rindex(header)
            place = start if header == b"PK\3\4" else place
            body[place + field : place + field + 4] = struct.pack("<L", 10)

    assert refused(resealed(bomb, lie))


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILE", 80), ("MAX_TOTAL", 400), ("MAX_FILES", 3)])
def test_more_than_a_bag_may_hold_is_neither_written_nor_read(
    archive: bytes, limit: str, value: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = unpacked(archive, tmp_path)
    monkeypatch.setattr(bag, limit, value)
    with pytest.raises(UsageError):
        made(PAYLOAD)
    assert "more than" in refused(archive)
    with pytest.raises(EvidenceError, match="more than"), bag.opened(folder):
        pass


def test_a_zip_that_gets_too_large_is_not_finished(monkeypatch: pytest.MonkeyPatch, archive: bytes) -> None:
    monkeypatch.setattr(bag, "MAX_ARCHIVE", bag.MAX_DIRECTORY + 600)
    with pytest.raises(UsageError, match="larger than"):
        made(PAYLOAD)
    monkeypatch.setattr(bag, "MAX_ARCHIVE", len(archive) - 1)
    assert "it is no pack" in refused(archive)


def test_more_files_than_an_old_zip_can_count(tmp_path: Path) -> None:
    many = made({f"data/{number:06d}": b"" for number in range(66_000)})
    assert refused(many) == ""
    changed = bytearray(many)
    changed[many.rindex(b"PK\6\6") + 12] ^= 1
    assert refused(bytes(changed))


def test_what_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"), bag.opened(tmp_path / "none.zip"):
        pass
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvidenceError, match="no bag of evidence"), bag.opened(tmp_path / "empty"):
        pass
    (tmp_path / "file").write_bytes(hashlib.sha256(b"").digest())
    with pytest.raises(EvidenceError, match="it is no pack"), bag.opened(tmp_path / "file"):
        pass
