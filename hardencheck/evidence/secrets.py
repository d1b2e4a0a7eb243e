"""Finds what must not be kept in what a host sent: password hashes, private keys, tokens.

Probes cut secrets out on the host. This is the net beneath them: what it finds, it names by kind, and never repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import re2

from hardencheck.model.capture import Capture

#: A kind of secret, in words -> what it looks like. Only shapes that nothing harmless has; RE2 reads them in one pass.
_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "a password hash": (
            # crypt(5): $6$salt$hash, $y$j9T$salt$hash, $2b$12$...; a cut off one counts from 20 characters on
            r"\$(?:1|2[abxy]?|5|6|7|y|gy|md5|sha1)\$[./0-9A-Za-z,=$]{20}",
            r"\$argon2(?:id|i|d)\$v=\d",
            r"\$DCC2\$\d{1,8}#",
            # the old DES form, known by the line of shadow(5) that it stands in
            r"(?m)^[^:\n]{1,64}:[!*]{0,2}[./0-9A-Za-z]{13}:\d{1,6}:\d{0,6}:\d{0,6}:\d{0,6}:",
            r":[0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}:",
            r"\{(?:SSHA|SSHA256|SSHA512|SMD5|PBKDF2[-0-9A-Z]*)\}[./+0-9A-Za-z]{20}",
            r"grub\.pbkdf2\.sha\d{1,3}\.\d{1,8}\.[0-9A-Fa-f]{32}",
            r"SCRAM-SHA-256\$\d{1,8}:",
        ),
        "a private key": (
            r"-----BEGIN (?:[0-9A-Z]{1,20} ){0,3}PRIVATE KEY",
            r"PuTTY-User-Key-File-\d",
            r"AGE-SECRET-KEY-1[0-9A-Z]{20}",
            r"(?i)\bPrivateKey\s{0,4}=\s{0,4}[+/0-9A-Za-z]{43}=",
        ),
        "a token": (
            r"\beyJ[-_0-9A-Za-z]{8,}\.eyJ[-_0-9A-Za-z]{8,}\.[-_0-9A-Za-z]{8}",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
            r"(?i)aws_?secret_?access_?key[\"']?\s{0,4}[:=]\s{0,4}[\"']?[+/0-9A-Za-z]{40}",
            r"\bgh[oprsu]_[0-9A-Za-z]{30}",
            r"\bgithub_pat_[_0-9A-Za-z]{20}",
            r"\bgl(?:pat|rt|dt)-[-_0-9A-Za-z]{20}",
            r"\bxox[abeoprs]-[-0-9A-Za-z]{10}",
            r"\bAIza[-_0-9A-Za-z]{35}",
            r"\b[rs]k_live_[0-9A-Za-z]{16}",
            r"\bhvs\.[-_0-9A-Za-z]{24}",
            r"\b(?:npm_[0-9A-Za-z]{36}|pypi-AgE[-_0-9A-Za-z]{20})",
            r"AccountKey=[+/0-9A-Za-z]{86}==",
            r"(?i)\bAuthorization:\s{0,4}(?:Bearer|Basic)\s{1,4}[-+/._~=0-9A-Za-z]{12}",
        ),
        "a recovery password": (r"\b(?:\d{6}-){7}\d{6}\b",),
    }
)


def _compiled() -> Any:
    options = re2.Options()
    # bytes that are no UTF-8 must not end a match
    options.encoding = re2.Options.Encoding.LATIN1
    groups = (f"({'|'.join(f'(?:{each})' for each in shapes)})" for shapes in _KINDS.values())
    return re2.compile("|".join(groups).encode(), options)


_PATTERN = _compiled()


def secret_in(data: bytes) -> str | None:
    """Return the kind of the first secret in these bytes, such as "a private key"; None when there is none.

    Text in UTF-16 is read as well.
    """
    found = _PATTERN.search(data)
    if found is None and b"\0" in data:
        found = _PATTERN.search(data.replace(b"\0", b""))
    return None if found is None else list(_KINDS)[found.lastindex - 1]


def sections_with_secrets(captures: Mapping[str, Capture]) -> dict[str, str]:
    """Return which captures of one host hold a secret, and of which kind; by the captures' names."""
    # hosts are many and secrets are rare: one look at all, with lines between them, spares a look at each
    if secret_in(b"\n".join(part for each in captures.values() for part in (each.stdout, each.stderr))) is None:
        return {}
    kinds = {name: secret_in(each.stdout) or secret_in(each.stderr) for name, each in captures.items()}
    return {name: kind for name, kind in kinds.items() if kind}
