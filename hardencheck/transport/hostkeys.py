"""Whom we trust to be which host: known_hosts files as an index, and the verdict on the key that a host shows.

Reads what sshd(8) says under SSH_KNOWN_HOSTS FILE FORMAT: plain names, `[host]:port`, comma lists, wildcards and
negations, hashed names, `@cert-authority` and `@revoked`. A plain name costs one look-up in a dictionary however
long the file is; a hashed name has to be tried with the salt of every hashed line.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path

from hardencheck.errors import HostKeyRejected
from hardencheck.transport.certificates import CERTIFICATE, HostCertificate

#: Where ssh(1) looks by default.
DEFAULT_FILES = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")

_MARKERS = {"@cert-authority": "cert-authority", "@revoked": "revoked"}


@dataclass(frozen=True)
class HostKey:
    """A host's public key as it came over the wire; `blob` is RFC 4253's encoding, or that of a certificate."""

    blob: bytes

    @cached_property
    def key_type(self) -> str:
        """The type that the blob itself names, such as `ssh-ed25519`; empty when it is cut off."""
        length = int.from_bytes(self.blob[:4])
        if 4 + length >= len(self.blob):
            return ""
        return self.blob[4 : 4 + length].decode("ascii", "replace")

    @property
    def base64(self) -> str:
        """The blob as known_hosts writes it."""
        return base64.b64encode(self.blob).decode()

    @property
    def fingerprint(self) -> str:
        """What `ssh-keygen -l` prints: `SHA256:` and the digest in base64 without padding."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Pin:
    """One line of a known_hosts file: a key, what it stands for (`marker`), and where the line is."""

    where: str
    marker: str
    key: HostKey


@dataclass
class KnownHosts:
    """One known_hosts file as an index; `problems` names its malformed lines as `file:line: what is wrong`."""

    exact: dict[str, list[Pin]] = field(default_factory=dict)
    hashed: list[tuple[bytes, bytes, Pin]] = field(default_factory=list)
    patterns: list[tuple[tuple[str, ...], Pin]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> KnownHosts:
        """Read a file; one that does not exist is empty, one that cannot be read is a problem."""
        known = cls()
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return known
        except OSError as error:
            known.problems.append(f"{path}: cannot be read: {error.strerror}")
            return known
        for number, line in enumerate(text.split("\n"), 1):
            if problem := known._add(line.split(), f"{path}:{number}"):
                known.problems.append(f"{path}:{number}: {problem}")
        return known

    def find(self, name: str) -> list[Pin]:
        """Return the lines for a host, by its name as known_hosts writes it (see `known_name`)."""
        found = list(self.exact.get(name, ()))
        found += [
            pin
            for salt, want, pin in self.hashed
            if hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), want)
        ]
        return found + [pin for patterns, pin in self.patterns if _matches(name, patterns)]

    def _add(self, words: list[str], where: str) -> str:
        """Take in one line; return what is wrong with it, empty when nothing is."""
        if not words or words[0].startswith("#"):
            return ""
        marker = ""
        if words[0].startswith("@"):
            if words[0] not in _MARKERS:
                return f"unknown marker {words[0]}"
            marker = _MARKERS[words.pop(0)]
        if len(words) < 3:
            return "expected: host names, key type, key in base64"
        try:
            key = HostKey(base64.b64decode(words[2], validate=True))
        except ValueError:
            return "the key is not base64"
        if key.key_type != words[1]:
            return f"the key is not of the type {words[1]}"
        return self._file(words[0], Pin(where, marker, key))

    def _file(self, names: str, pin: Pin) -> str:
        if names.startswith("|"):
            parts = names.split("|")
            try:
                salt, want = (base64.b64decode(part, validate=True) for part in parts[2:])
            except ValueError:
                return "the hashed name is not |1|salt|hash"
            if parts[1] != "1" or len(want) != hashlib.sha1(usedforsecurity=False).digest_size:
                return "the hashed name is not |1|salt|hash"
            self.hashed.append((salt, want, pin))
            return ""
        listed = tuple(name for name in names.lower().split(",") if name)
        if any(sign in names for sign in "*?!"):
            self.patterns.append((listed, pin))
        else:
            for name in listed:
                self.exact.setdefault(name, []).append(pin)
        return ""


def known_name(address: str, port: int) -> str:
    """Return how known_hosts names a host: the address in lower case, `[address]:port` for another port than 22."""
    return address.lower() if port == 22 else f"[{address.lower()}]:{port}"


def pinned(files: Iterable[Path], address: str, port: int) -> list[Pin]:
    """Return every line for this host in these files; each file is parsed once, and again when it changes."""
    name = known_name(address, port)
    return [pin for path in files for pin in load(path).find(name)]


def load(path: Path) -> KnownHosts:
    """Return the index of a file, from memory as long as the file stays the same."""
    try:
        now = path.stat()
    except OSError:
        return KnownHosts.read(path)
    return _load(path, now.st_mtime_ns, now.st_size, now.st_ino)


@lru_cache(maxsize=64)
def _load(path: Path, _changed: int, _size: int, _inode: int) -> KnownHosts:
    return KnownHosts.read(path)


def verify(key: HostKey, pins: Sequence[Pin], address: str, port: int) -> None:
    """Raise HostKeyRejected unless one of the host's lines vouches for the key it shows.

    A certificate counts when a `@cert-authority` of this host signed it; otherwise its plain key is looked at.
    """
    certificate = HostCertificate.parse(key.blob) if CERTIFICATE in key.key_type else None
    shown = [key.blob] if certificate is None else [key.blob, certificate.key, certificate.authority]
    for pin in pins:
        if pin.marker == "revoked" and pin.key.blob in shown:
            raise HostKeyRejected(
                f"{known_name(address, port)} shows a key that {pin.where} revokes: {key.key_type} {key.fingerprint}",
                reason="host_key_revoked",
                hint="find out who uses a revoked key; give the host a new one",
            )
    if certificate is not None:
        if any(pin.marker == "cert-authority" and pin.key.blob == certificate.authority for pin in pins):
            if problem := certificate.problem(address.lower(), time.time()):
                raise HostKeyRejected(
                    f"the certificate of {known_name(address, port)} is not valid: {problem}",
                    reason="host_certificate_invalid",
                    hint="sign the host's key again: ssh-keygen -s CA -h -n NAMES -V +52w KEY.pub",
                )
            return
        key = HostKey(certificate.key)
    plain = [pin for pin in pins if not pin.marker]
    if any(pin.key.blob == key.blob for pin in plain):
        return
    _reject(key, plain, address, port)


def _reject(key: HostKey, plain: Sequence[Pin], address: str, port: int) -> None:
    name = known_name(address, port)
    shown = f"{key.key_type} {key.fingerprint}"
    if not plain:
        raise HostKeyRejected(
            f"the host key of {name} is not known: {shown}",
            reason="host_key_unknown",
            hint="compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), "
            "then: hardencheck trust",
        )
    pin = next((pin for pin in plain if pin.key.key_type == key.key_type), plain[0])
    raise HostKeyRejected(
        f"the host key of {name} is not the pinned one: it shows {shown}, "
        f"{pin.where} has {pin.key.key_type} {pin.key.fingerprint}",
        reason="host_key_changed",
        hint=f"if the host was installed anew, compare the fingerprint at the host, then: hardencheck trust --replace "
        f"(or remove {pin.where}); otherwise somebody may sit in between",
    )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Match as ssh(1) does: some pattern fits, and no negated one; only * and ? are special."""
    hit = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if fnmatchcase(name, pattern.removeprefix("!").replace("[", "[[]")):
            if negated:
                return False
            hit = True
    return hit
