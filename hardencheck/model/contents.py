"""Content by its digest as what it stands for, wherever it was kept; content of another form is an EvidenceError."""

from __future__ import annotations

from hardencheck.errors import EvidenceError
from hardencheck.model.capture import Capture
from hardencheck.model.manifest import Manifest
from hardencheck.model.roster import Roster

_MALFORMED = (ValueError, KeyError, TypeError)


def roster(digest: str, data: bytes) -> Roster:
    """Return the roster that has this digest."""
    try:
        return Roster.from_bytes(data)
    except _MALFORMED as error:
        raise EvidenceError(f"evidence {digest}: it is no roster") from error


def manifest(digest: str, data: bytes) -> Manifest:
    """Return the list of one host's captures that has this digest."""
    try:
        return Manifest.from_bytes(data)
    except _MALFORMED as error:
        raise EvidenceError(f"evidence {digest}: it is no list of captures") from error


def capture(probe_id: str, digest: str, data: bytes) -> Capture:
    """Return the capture of a probe that has this digest."""
    try:
        return Capture.from_bytes(data)
    except _MALFORMED as error:
        raise EvidenceError(f"evidence {digest}: it is no capture of {probe_id}") from error
