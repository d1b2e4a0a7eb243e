"""The Ed25519 keys that sign evidence: made beside the store when first used, and read again strictly.

A key's id is the SHA-256 of its public half as DER: `openssl pkey -pubin -outform DER | sha256sum` tells it, too.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from hardencheck.errors import CredentialError


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key that somebody trusts."""

    public: Ed25519PublicKey

    @property
    def raw(self) -> bytes:
        """The key itself, 32 bytes."""
        return self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def keyid(self) -> str:
        """The key's id: 64 hexadecimal digits."""
        der = self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()

    @property
    def pem(self) -> bytes:
        """The key as a PEM file."""
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made the signature over the message."""
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, in memory."""

    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.private.public_key())

    def sign(self, message: bytes) -> bytes:
        """Return the signature over the message, 64 bytes."""
        return self.private.sign(message)


def key_beside(store: Path) -> Path:
    """Return where a store's private key is kept unless told otherwise."""
    return store.parent / "signing-key.pem"


def public_of(path: Path) -> Path:
    """Return where the public half of a private key's file stands."""
    return path.with_suffix(".pub")


def signer(path: Path, *, make: bool) -> Signer:
    """Return the private key in a PEM file that only its owner may read.

    With `make`, a key that was never there is made, mode 0600, with its public half beside it. Raises CredentialError
    for anything that is no such key, and when the key is gone but its public half is not: a new key must be meant.
    """
    if make and not path.exists():
        if public_of(path).exists():
            raise CredentialError(
                f"signing key {path}: it is gone, but {public_of(path).name} is still there",
                hint="restore it; or move the public key away for evidence verify --key, and a new one is made",
            )
        _make(path)
    found = Signer(_private(path))
    if make and not public_of(path).exists():
        write(public_of(path), found.verifier.pem, 0o644)
    return found


def verifier(path: Path) -> Verifier:
    """Return the public key in a PEM file; raises CredentialError."""
    try:
        return public_key(_content(path, "public key"))
    except ValueError as error:
        raise CredentialError(f"public key {path}: it is {error}") from error


def public_key(pem: bytes) -> Verifier:
    """Return the public key in PEM; raises ValueError saying what it is instead."""
    try:
        found = load_pem_public_key(pem)
    except ValueError as error:
        raise ValueError("no public key in PEM") from error
    if not isinstance(found, Ed25519PublicKey):
        raise ValueError("no Ed25519 key")
    return Verifier(found)


def private_content(path: Path, noun: str) -> bytes:
    """Return what a file holds that only its owner may use; raises CredentialError."""
    data = _content(path, noun)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise CredentialError(
            f"{noun} {path}: others than its owner may use it (mode {mode:04o})", hint=f"chmod 600 {path}"
        )
    return data


def _private(path: Path) -> Ed25519PrivateKey:
    data = private_content(path, "signing key")
    try:
        found = load_pem_private_key(data, password=None)
    except TypeError as error:
        raise CredentialError(f"signing key {path}: it has a passphrase, which is not supported") from error
    except ValueError as error:
        raise CredentialError(f"signing key {path}: it is no private key in PEM") from error
    if not isinstance(found, Ed25519PrivateKey):
        raise CredentialError(
            f"signing key {path}: it is no Ed25519 key", hint="openssl genpkey -algorithm ed25519 makes one"
        )
    return found


def _content(path: Path, noun: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CredentialError(
            f"{noun} {path}: it cannot be read ({error.strerror})",
            hint=f"--help says which option names another {noun}",
        ) from error


def _make(path: Path) -> None:
    """Write a new pair; the private half first: without it the public one would look like that of a lost key."""
    made = Signer(Ed25519PrivateKey.generate())
    pem = made.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(path, pem, 0o600)
    write(public_of(path), made.verifier.pem, 0o644)


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all, with this mode from the start; raises CredentialError."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise CredentialError(f"{path}: it cannot be written ({error.strerror})") from error
