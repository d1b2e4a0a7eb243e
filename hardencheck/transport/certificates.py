"""OpenSSH host certificates (PROTOCOL.certkeys): a host key, for whom it is, until when, and which CA says so."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

#: What every type name of a certificate holds.
CERTIFICATE = "-cert-v01@openssh.com"

_SHA1 = b"ssh-rsa"


@dataclass(frozen=True, slots=True)
class HostCertificate:
    """A host's certificate: its plain `key` and the CA's key (`authority`), both as RFC 4253 blobs."""

    key: bytes
    authority: bytes
    _body: SSHCertificate | None
    _signature_type: bytes

    @classmethod
    def parse(cls, blob: bytes) -> HostCertificate:
        """Take a certificate apart; one that cannot be read has no key and no authority, so nothing vouches for it."""
        length = int.from_bytes(blob[:4])
        line = blob[4 : 4 + length] + b" " + base64.b64encode(blob)
        try:
            body = load_ssh_public_identity(line)
            if not isinstance(body, SSHCertificate):
                return cls(b"", b"", None, b"")
            authority = body.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
            key = body.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        except (ValueError, UnsupportedAlgorithm):
            return cls(b"", b"", None, b"")
        return cls(_blob(key), _blob(authority), body, _signature_type(blob))

    def problem(self, address: str, now: float) -> str:
        """Return why the certificate does not prove that this is the host at `address` (at `now`), empty if it does."""
        body = self._body
        if body is None:
            return "it cannot be read"
        if self._signature_type == _SHA1:
            return "its CA signed it with SHA-1"
        try:
            body.verify_cert_signature()
        except (InvalidSignature, ValueError):
            return "its signature is wrong"
        if body.type is not SSHCertificateType.HOST:
            return "it is a user's certificate, not a host's"
        if body.critical_options:
            return f"it has an unknown critical option {_text(next(iter(body.critical_options)))}"
        if now < body.valid_after:
            return f"it is not valid before {_day(body.valid_after)}"
        if now >= body.valid_before:
            return f"it expired on {_day(body.valid_before)}"
        names = [_text(name) for name in body.valid_principals]
        if any(fnmatchcase(address, name.replace("[", "[[]")) for name in names):
            return ""
        return f"it is for {', '.join(names) or 'no host at all'}, not for {address}"


def _blob(line: bytes) -> bytes:
    return base64.b64decode(line.split(b" ")[1])


def _signature_type(blob: bytes) -> bytes:
    """Return the algorithm of the CA's signature: the first string in the certificate's last field."""
    key_fields = 1 if b"ed25519" in blob[4:32] else 2
    # type, nonce and key; serial (8) and kind (4); key id and principals; validity (16); options, extensions,
    # reserved and the CA's key; then the signature
    position = 0
    for strings, fixed in ((2 + key_fields, 12), (2, 16), (4, 4)):
        for _ in range(strings):
            position += 4 + int.from_bytes(blob[position : position + 4])
        position += fixed
    length = int.from_bytes(blob[position : position + 4])
    return blob[position + 4 : position + 4 + length]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(min(seconds, 253402300799), UTC).strftime("%Y-%m-%d %H:%M UTC")
