"""BagIt bags (RFC 8493) with SHA-256: written into one zip, and read from such a zip or the folder it unpacks to.

A bag is read as hostile input: names are plain, sizes are bounded before anything is inflated, nothing is written,
links are not followed, and exactly the files that the manifests list are there. Every read holds content against them.

In the zip every bit counts, whatever zlib made it: its comment is `sha256:` with the digest of all bytes before the end
record, ` signature:` and a signature over that digest; the end record is the only one that fits. Nothing else in a zip
would notice a changed date, or a second way to deflate the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from hardencheck.errors import EvidenceError, UsageError
from hardencheck.model.capture import digest

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
INFO = "bag-info.txt"
PAYLOAD = "data/"

#: What a bag may hold: bytes of a file and of all, files, characters of a name, bytes of the zip and of its directory.
MAX_FILE = 256 * 1024 * 1024
MAX_TOTAL = 16 * 1024 * 1024 * 1024
MAX_FILES = 400_000
MAX_NAME = 200
MAX_ARCHIVE = 2**31 - 1  # beyond, zip has other headers, which older programs cannot read
MAX_DIRECTORY = 64 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_COMMENT = re.compile(rb"sha256:([0-9a-f]{64}) signature:([0-9a-f]{128})")
_COMMENT_SIZE = len("sha256: signature:") + 64 + 128
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q4sLQL")
_MANY = 0xFFFF
_DATE = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1024 * 1024
_UNREADABLE = (BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, struct.error)

#: Content by name; it is asked for when it is needed, maybe more than once.
Files = Mapping[str, Callable[[], bytes]]


@dataclass(frozen=True, slots=True)
class Seal:
    """What the zip's comment says: the digest of its bytes (64 hexadecimal digits) and the signature over it."""

    digest: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """The manifest of a bag's payload, and how many bytes and files it lists."""

    manifest: bytes
    octets: int
    files: int


def listing(payload: Files) -> Listing:
    """Return the manifest of these files, whose names begin with `data/`; raises UsageError when it is too much."""
    lines, total = [], 0
    for name in sorted(payload):
        content = payload[name]()
        if len(content) > MAX_FILE:
            raise UsageError(f"{name} would have {len(content)} bytes, more than the {MAX_FILE} of a pack", hint=_LESS)
        total += len(content)
        lines.append(f"{digest(content)}  {name}\n")
    if total > MAX_TOTAL or len(lines) > MAX_FILES:
        raise UsageError(
            f"{len(lines)} files with {total} bytes are more than the {MAX_FILES} and {MAX_TOTAL} of a pack",
            hint=_LESS,
        )
    return Listing("".join(lines).encode(), total, len(lines))


def tags(listed: Listing, info: Mapping[str, str]) -> dict[str, bytes]:
    """Return the tag files that any bag has, but for the manifest of the tag files itself."""
    said = {**info, "Payload-Oxum": f"{listed.octets}.{listed.files}"}
    text = "".join(f"{name}: {said[name]}\n" for name in sorted(said))
    return {"bagit.txt": DECLARATION, INFO: text.encode(), MANIFEST: listed.manifest}


def write(
    out: BinaryIO, top: str, payload: Files, tag_files: Mapping[str, bytes], sign: Callable[[str], bytes]
) -> None:
    """Write a bag as a zip with one folder `top` into an empty file, open for reading and writing.

    `sign` returns the signature over a digest in hexadecimal digits. Raises UsageError when the zip gets too large.
    """
    listed = "".join(f"{digest(tag_files[name])}  {name}\n" for name in sorted(tag_files)).encode()
    every_tag = {**tag_files, TAG_MANIFEST: listed}
    whole: dict[str, Callable[[], bytes]] = {
        **payload,
        **{name: partial(bytes, content) for name, content in every_tag.items()},
    }
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(whole):
            member = ZipInfo(f"{top}/{name}", _DATE)
            member.create_system, member.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(member, whole[name](), ZIP_DEFLATED, 6)
            if out.tell() > MAX_ARCHIVE - MAX_DIRECTORY:
                raise UsageError(f"the pack would be larger than {MAX_ARCHIVE} bytes", hint=_LESS)
    size = out.seek(0, os.SEEK_END)
    found = _digest(out, size - _END.size)
    comment = f"sha256:{found} signature:{sign(found).hex()}".encode()
    out.seek(size - 2)
    out.write(struct.pack("<H", len(comment)) + comment)


class _Members(Protocol):
    """The files below the bag's folder, not yet compared with any manifest."""

    @property
    def sizes(self) -> Mapping[str, int]: ...

    def read(self, name: str) -> bytes: ...


@dataclass
class Bag:
    """A bag that is read. `seal` is what its zip says of itself, None for a folder.

    `digests` are the SHA-256 of all files but the manifest of the tag files, as the manifests say. Opening one proves
    that exactly these files are there, `read` that a file is the one that is listed.
    """

    members: _Members
    seal: Seal | None = None
    digests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _bounded(self.members.sizes)
        for name in (TAG_MANIFEST, MANIFEST, "bagit.txt", INFO):
            if name not in self.members.sizes:
                raise EvidenceError(f"{name} is missing: it is no bag of evidence")
        self.digests = _listed(self.members.read(TAG_MANIFEST), TAG_MANIFEST)
        for name in sorted({MANIFEST, "bagit.txt", INFO} - self.digests.keys()):
            raise EvidenceError(f"{TAG_MANIFEST}: it does not list {name}")
        payload = _listed(self.read(MANIFEST), MANIFEST)
        if self.read("bagit.txt") != DECLARATION:
            raise EvidenceError(f"bagit.txt: expected {DECLARATION.decode()!r}")
        odd = [name for name in self.digests if name.startswith(PAYLOAD) or name == TAG_MANIFEST]
        odd += [name for name in payload if not name.startswith(PAYLOAD)]
        if odd:
            raise EvidenceError(f"{odd[0]}: it is listed in the wrong manifest")
        self.digests |= payload
        listed = self.digests.keys() | {TAG_MANIFEST}
        for name in sorted(listed ^ self.members.sizes.keys()):
            raise EvidenceError(f"{name}: {'it is missing' if name in listed else 'no manifest lists it'}")

    def read(self, name: str) -> bytes:
        """Return the content of one file; raises EvidenceError when it is not what the manifests list."""
        if name not in self.digests:
            raise EvidenceError(f"{name}: it is missing")
        content = self.members.read(name)
        if digest(content) != self.digests[name]:
            raise EvidenceError(f"{name}: it has the digest {digest(content)}, expected {self.digests[name]} as listed")
        return content

    def verify(self) -> None:
        """Read every file once."""
        for name in self.digests:
            self.read(name)


@contextmanager
def opened(path: Path) -> Iterator[Bag]:
    """Open a bag: a zip or an unpacked folder. Raises UsageError when there is none, EvidenceError for a bad one."""
    if path.is_dir():
        yield Bag(_Folder(path))
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: it cannot be read ({error.strerror})") from error
    with file:
        yield from_zip(file)


def from_zip(file: BinaryIO) -> Bag:
    """Read a bag from a zip that `write` made, and from no other one; raises EvidenceError."""
    try:
        seal, count = _sealed(file)
        return Bag(_Zip(ZipFile(file), count), seal)
    except _UNREADABLE as error:
        raise EvidenceError(f"the zip cannot be read ({error})", hint=_AGAIN) from error


class _Zip:
    """The members of a zip, all in one folder."""

    def __init__(self, archive: ZipFile, count: int) -> None:
        self._archive = archive
        found = archive.infolist()
        self._top = found[0].filename.partition("/")[0] if found else ""
        _plain(self._top)
        self.sizes: dict[str, int] = {}
        for each in found:
            top, _, name = each.filename.partition("/")
            _plain(name)
            if top != self._top or name in self.sizes:
                raise EvidenceError(f"{each.filename!r}: it is there twice, or outside of folder {self._top!r}")
            if (
                each.flag_bits
                or each.compress_type != ZIP_DEFLATED
                or stat.S_IFMT(each.external_attr >> 16) != stat.S_IFREG
            ):
                raise EvidenceError(f"{each.filename!r}: expected a deflated file")
            self.sizes[name] = each.file_size
        if len(found) != count:
            raise EvidenceError(f"the zip holds {len(found)} files, expected {count} as its end record says")

    def read(self, name: str) -> bytes:
        """Inflate one member; never to more than it declares."""
        try:
            with self._archive.open(f"{self._top}/{name}") as file:
                return file.read(self.sizes[name] + 1)
        except (*_UNREADABLE, KeyError) as error:
            raise EvidenceError(f"{name}: it cannot be read ({error})", hint=_AGAIN) from error


class _Folder:
    """The files of an unpacked bag."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sizes: dict[str, int] = {}
        try:
            self._walk(path, "")
        except OSError as error:
            raise EvidenceError(f"the folder cannot be read ({error})") from error

    def _walk(self, folder: Path, prefix: str) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = f"{prefix}{entry.name}"
                _plain(name)
                if entry.is_dir(follow_symlinks=False):
                    self._walk(folder / entry.name, f"{name}/")
                elif entry.is_file(follow_symlinks=False):
                    self.sizes[name] = entry.stat(follow_symlinks=False).st_size
                else:
                    raise EvidenceError(f"{name!r}: it is no file, links are not followed")
                if len(self.sizes) > MAX_FILES:
                    raise EvidenceError(f"the folder holds more than {MAX_FILES} files")

    def read(self, name: str) -> bytes:
        """Read one file; never more than its size was."""
        try:
            handle = os.open(self._path / name, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(handle, "rb") as file:
                return file.read(self.sizes[name] + 1)
        except OSError as error:
            raise EvidenceError(f"{name}: it cannot be read ({error.strerror})") from error


_LESS = "--since narrows it to newer sweeps"
_AGAIN = "ask for the pack again; one that was packed anew is verified as the folder that it unpacks to"


def _bounded(sizes: Mapping[str, int]) -> None:
    """Refuse more than a bag may hold, and two names that are one where a folder does not tell capitals."""
    for name, size in sizes.items():
        if size > MAX_FILE:
            raise EvidenceError(f"{name}: it has {size} bytes, more than the {MAX_FILE} of one file")
    if len(sizes) > MAX_FILES or sum(sizes.values()) > MAX_TOTAL:
        raise EvidenceError(f"it holds more than {MAX_FILES} files or {MAX_TOTAL} bytes")
    if len({name.lower() for name in sizes}) != len(sizes):
        raise EvidenceError("names differ in nothing but capitals")


def _plain(name: str) -> None:
    """Refuse a name that means more than a name."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise EvidenceError(f"{name[:MAX_NAME]!r}: no such name is in a pack")


def _listed(manifest: bytes, name: str) -> dict[str, str]:
    """Return the digests by name that a manifest lists, in the one spelling that it has."""
    found: dict[str, str] = {}
    for line in manifest.decode("ascii", "replace").split("\n")[:-1]:
        parts = _LINE.fullmatch(line)
        if parts is None or not _NAME.fullmatch(parts[2]):
            raise EvidenceError(f"{name}: expected a digest, two spaces and a name, found {line[:MAX_NAME]!r}")
        found[parts[2]] = parts[1]
    if "".join(f"{found[each]}  {each}\n" for each in sorted(found)).encode() != manifest:
        raise EvidenceError(f"{name}: its lines are not sorted, or one is there twice")
    return found


def _sealed(file: BinaryIO) -> tuple[Seal, int]:
    """Return what the zip's comment says, and how many members it has, once every bit of it is known to be right."""
    size = file.seek(0, os.SEEK_END)
    start = size - _END.size - _COMMENT_SIZE
    if start < 0 or size > MAX_ARCHIVE:
        raise EvidenceError(f"the file has {size} bytes: it is no pack", hint=_AGAIN)
    tail = _read_at(file, max(0, start - _END64.size), size)
    words = _COMMENT.fullmatch(tail[-_COMMENT_SIZE:])
    if words is None:
        raise EvidenceError("the file does not end as a pack does: it is cut off, or something else", hint=_AGAIN)
    said, found = words[1].decode(), _digest(file, start)
    if found != said:
        raise EvidenceError(f"the zip has the digest {found}, expected {said} as its comment says", hint=_AGAIN)
    end = tail[:-_COMMENT_SIZE]
    _, _, _, count, _, length, offset, _ = _END.unpack(end[-_END.size :])
    if end.startswith(b"PK\6\6"):
        count = _END64.unpack(end[: _END64.size])[7]
    expected = _end(count, length, offset)
    if not end.endswith(expected) or offset + length + len(expected) != start + _END.size or length > MAX_DIRECTORY:
        raise EvidenceError("the end record of the zip is not the one that fits", hint=_AGAIN)
    return Seal(said, bytes.fromhex(words[2].decode())), count


def _end(count: int, length: int, offset: int) -> bytes:
    """Return the end record for a central directory of so many members and bytes at an offset, as zipfile writes it."""
    many = b""
    if count > _MANY:
        record = (b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, offset)
        many = _END64.pack(*record, b"PK\6\7", 0, offset + length, 1)
    short = min(count, _MANY)
    return many + _END.pack(b"PK\5\6", 0, 0, short, short, length, offset, _COMMENT_SIZE)


def _read_at(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _digest(file: BinaryIO, size: int) -> str:
    """Return the SHA-256 of the first bytes of a file."""
    found = hashlib.sha256()
    file.seek(0)
    while size > 0 and (chunk := file.read(min(size, _CHUNK))):
        found.update(chunk)
        size -= len(chunk)
    return found.hexdigest()
