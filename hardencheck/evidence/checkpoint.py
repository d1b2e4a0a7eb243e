"""Checkpoints: where a log stood, in three short lines and a signature, to be kept where nobody here can change them.

The form is C2SP's tlog-checkpoint (c2sp.org/tlog-checkpoint), a signed note (c2sp.org/signed-note) of three lines:
origin, size, root hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from hardencheck.errors import EvidenceError
from hardencheck.evidence.dsse import decoded
from hardencheck.evidence.keys import Signer, Verifier

_ED25519 = b"\x01"
_DASH = "\u2014 "
_SIZE = re.compile("[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log called `origin` had `size` entries, whose tree had the head `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(first: bytes) -> str:
    """Return the name of the log that begins with this envelope."""
    return f"hardencheck/{hashlib.sha256(first).hexdigest()[:16]}"


def signed(checkpoint: Checkpoint, key: Signer) -> str:
    """Return the checkpoint as a signed note."""
    signature = _hint(checkpoint.origin, key.verifier) + key.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n{_DASH}{checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def read(note: bytes, trusted: Collection[Verifier]) -> Checkpoint:
    """Return the checkpoint that one of the trusted keys signed; raises EvidenceError.

    Signatures of others (witnesses) may stand beside it. White space that mail adds at the ends is borne.
    """
    try:
        found, signatures = _parsed(note)
    except ValueError as error:
        raise EvidenceError(f"it is no checkpoint: {error}") from error
    message = found.text.encode()
    for name, data in signatures:
        for key in trusted:
            if name == found.origin and data[:4] == _hint(name, key) and key.signed(message, data[4:]):
                return found
    raise EvidenceError("none of the trusted keys signed it", hint="--key FILE trusts another public key")


def _parsed(note: bytes) -> tuple[Checkpoint, list[tuple[str, bytes]]]:
    """Return what the note says, and its signatures with the names of their makers."""
    lines = note.decode().replace("\r\n", "\n").strip().split("\n")
    if len(lines) < 5 or lines[3]:
        raise ValueError("expected origin, size, root hash, an empty line and a signature")
    origin, size, root = lines[:3]
    if not origin or not _SIZE.fullmatch(size):
        raise ValueError("expected an origin, and a size in decimal digits")
    found = Checkpoint(origin, int(size), decoded(root))
    if len(found.root) != hashlib.sha256().digest_size:
        raise ValueError("expected a root hash of 32 bytes")
    return found, [_signature(line) for line in lines[4:]]


def _signature(line: str) -> tuple[str, bytes]:
    name, _, data = line.removeprefix(_DASH).rpartition(" ")
    if not line.startswith(_DASH) or not name:
        raise ValueError("expected a signature, which begins with a long dash")
    return name, decoded(data)


def _hint(name: str, key: Verifier) -> bytes:
    """Return the four bytes that say which key signed: the beginning of a hash over its name, type and bytes."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw).digest()[:4]
