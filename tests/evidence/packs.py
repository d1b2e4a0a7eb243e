"""A pack for tests: read, changed, and signed anew as somebody would who has the key."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hardencheck.errors import EvidenceError
from hardencheck.evidence import bag, dsse, pack
from hardencheck.evidence.checkpoint import Checkpoint
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.pack_source import Pack
from hardencheck.evidence.verify import Verified
from hardencheck.model.codec import loads
from tests.evidence.chains import KEY

Content = dict[str, bytes]


@dataclass(frozen=True)
class Made:
    """A pack for Acme, what is in it, the store's sweeps that it is about, and the log as it was after each link."""

    path: Path
    content: Content
    sweeps: list[Any]
    checkpoints: list[Checkpoint]


def content_of(path: Path) -> Content:
    with zipfile.ZipFile(path) as archive:
        return {each.filename.partition("/")[2]: archive.read(each) for each in archive.infolist()}


def proved(archive: bytes | bytearray, checkpoint: Checkpoint | None = None, key: Signer = KEY) -> Verified:
    return Pack(bag.from_zip(io.BytesIO(archive)), [key.verifier]).verify(checkpoint)


def broken(archive: bytes | bytearray, checkpoint: Checkpoint | None = None) -> str:
    """Return the sentence that names the first thing that is not what it must be; empty when there is none."""
    try:
        proved(archive, checkpoint)
    except EvidenceError as error:
        return error.message
    return ""


def about_of(content: Content) -> pack.About:
    return pack.About.from_json(loads(dsse.unwrap(content["pack.json"], [KEY.verifier]).payload)["predicate"])


def signed(content: Mapping[str, bytes], about: pack.About, key: Signer = KEY) -> bytes:
    """Make a pack with this payload as somebody would who has the key."""
    out = io.BytesIO()
    payload = {name: partial(bytes, data) for name, data in content.items() if name.startswith("data/")}
    pack.write(out, "acme", payload, about, key)
    return out.getvalue()


def remanifested(content: Content) -> bytes:
    """The zip with this content, with all that can be made without the key made anew."""
    payload = {name: partial(bytes, data) for name, data in content.items() if name.startswith("data/")}
    tags = {name: data for name, data in content.items() if not name.startswith(("data/", bag.TAG_MANIFEST))}
    tags[bag.MANIFEST] = bag.listing(payload).manifest
    out = io.BytesIO()
    bag.write(out, "acme", payload, tags, lambda found: KEY.sign(dsse.pae(pack.ARCHIVE, found.encode())))
    return out.getvalue()
