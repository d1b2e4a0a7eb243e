"""Time stamps (RFC 3161): a third party's signed word that an envelope existed at a time; our own clock proves nothing.

The extra `tsa` brings the library that reads and verifies them. A stamp stands beside its link, not in the chain: it is
asked for when the link is made. The stamp of one link covers all links before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from cryptography.x509 import Certificate, load_pem_x509_certificates

from hardencheck.errors import CredentialError, EvidenceError, StampRefused, UsageError
from hardencheck.model.chain import Hidden, Link
from hardencheck.storage import Store

try:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response
    from rfc3161_client.errors import VerificationError
except ImportError:
    raise UsageError("time stamps need a library", hint="pip install 'hardencheck[tsa]'") from None

#: A stamp holds a signature and the certificates of its maker: some kilobytes.
MAX_BYTES = 64 * 1024
_PATIENCE = 20.0
_GRANTED = 0


@dataclass(frozen=True, slots=True)
class Stamps:
    """How many links carry a stamp that holds, and what the newest one says: its link's position and the time."""

    count: int
    position: int
    time: datetime


def authority(url: str) -> str:
    """Return the address of a time stamp authority; raises UsageError when it is none."""
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--tsa: expected the URL of a time stamp authority, found {url!r}")
    return url


def stamp_newest(store: Store, url: str) -> datetime:
    """Have the newest link stamped and keep the stamp; return the time that it says.

    Raises StampRefused when there is no answer, or none that is about this link.
    """
    envelopes = store.envelopes()
    asked = TimestampRequestBuilder().data(envelopes[-1]).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = _ask(url, asked.as_bytes())
    try:
        response = decode_timestamp_response(answer)
        if response.status != _GRANTED:
            said = "; ".join(map(str, response.status_string)) or f"status {response.status}"
            raise StampRefused(f"time stamp authority {url}: it refused ({said})")
        about = response.tst_info
        fits = about.nonce == asked.nonce and about.message_imprint.message == hashlib.sha256(envelopes[-1]).digest()
    except ValueError as error:
        raise StampRefused(f"time stamp authority {url}: it sent no time stamp ({error})") from error
    if not fits:
        raise StampRefused(f"time stamp authority {url}: its answer is not to what it was asked")
    store.stamp(len(envelopes) - 1, answer)
    return about.gen_time


def roots(path: Path) -> list[Certificate]:
    """Return the certificates of a PEM file; raises CredentialError."""
    try:
        return load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise CredentialError(f"certificates {path}: they cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CredentialError(f"certificates {path}: no certificate in PEM is in it") from error


def verify_stamps(links: Iterable[Link | Hidden], trusted: Collection[Certificate]) -> Stamps | None:
    """Verify the stamp of every link that has one; None when none has. Raises EvidenceError naming a bad one."""
    found: Stamps | None = None
    for link in links:
        if isinstance(link, Hidden) or link.stamp is None:
            continue
        try:
            response = decode_timestamp_response(link.stamp)
            VerifierBuilder(roots=list(trusted)).build().verify_message(response, link.envelope)
            time = response.tst_info.gen_time
        except (ValueError, VerificationError) as error:
            raise EvidenceError(f"link {link.position} of the chain: its time stamp does not hold ({error})") from error
        found = Stamps(found.count + 1 if found else 1, link.position, time)
    return found


def _ask(url: str, query: bytes) -> bytes:
    request = Request(url, query, {"Content-Type": "application/timestamp-query"})  # noqa: S310  `authority` looked
    try:
        with urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            data: bytes = answer.read(MAX_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise StampRefused(f"time stamp authority {url}: {getattr(error, 'reason', error)}") from error
    if len(data) > MAX_BYTES:
        raise StampRefused(f"time stamp authority {url}: it sent more than {MAX_BYTES} bytes")
    return data
