"""DSSE envelopes (github.com/secure-systems-lab/dsse): a payload, its type and one Ed25519 signature over both.

An envelope has exactly one spelling: canonical JSON, canonical Base64, lower-case key id. A second spelling of the same
bits would be a change that no signature sees.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hardencheck.errors import EvidenceError
from hardencheck.evidence.keys import Signer, Verifier
from hardencheck.model.codec import canonical, loads

#: The payload of every envelope here: an in-toto statement.
IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Opened:
    """What an envelope holds once its signature is verified: the payload, and the id of the key that signed it."""

    payload: bytes
    keyid: str


def pae(kind: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def wrap(payload: bytes, key: Signer) -> bytes:
    """Sign an in-toto statement; returns the envelope."""
    signature = key.sign(pae(IN_TOTO, payload))
    return canonical(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": IN_TOTO,
            "signatures": [{"keyid": key.verifier.keyid, "sig": base64.b64encode(signature).decode()}],
        }
    )


def unwrap(envelope: bytes, trusted: Collection[Verifier]) -> Opened:
    """Return what one of the trusted keys signed; raises EvidenceError saying what is wrong with the envelope."""
    payload, keyid, signature = _parts(envelope)
    key = next((each for each in trusted if each.keyid == keyid), None)
    if key is None:
        known = ", ".join(sorted(each.keyid[:16] for each in trusted)) or "none"
        raise EvidenceError(
            f"it is signed by key {keyid[:16]}, expected one of the trusted ones ({known})",
            hint="hardencheck evidence verify --key FILE trusts another public key",
        )
    if not key.signed(pae(IN_TOTO, payload), signature):
        raise EvidenceError(f"its signature is not one of key {keyid[:16]} over its content")
    return Opened(payload, keyid)


def claimed(envelope: bytes) -> bytes:
    """Return the payload of an envelope whoever signed it: what it claims, not what is so. Raises EvidenceError."""
    return _parts(envelope)[0]


def decoded(text: Any) -> bytes:
    """Return what standard Base64 stands for; raises ValueError for anything but its one canonical spelling."""
    if not isinstance(text, str):
        raise ValueError("expected text in Base64")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"no Base64: {error}") from error
    if base64.b64encode(data).decode() != text:
        raise ValueError("Base64 that is not canonical")
    return data


def _parts(envelope: bytes) -> tuple[bytes, str, bytes]:
    try:
        body = loads(envelope)
        if canonical(body) != envelope:
            raise ValueError("not canonical JSON")
        if not isinstance(body, dict) or body.keys() != {"payload", "payloadType", "signatures"}:
            raise ValueError("other keys than payload, payloadType and signatures")
        if body["payloadType"] != IN_TOTO:
            raise ValueError(f"another payload type than {IN_TOTO}")
        match body["signatures"]:
            case [{"keyid": str(keyid), "sig": signature, **rest}] if not rest:
                return decoded(body["payload"]), keyid, decoded(signature)
        raise ValueError("not exactly one signature")
    except ValueError as error:
        raise EvidenceError(f"it is no DSSE envelope: {error}") from error
