"""What is signed: in-toto statements (in-toto.io/Statement/v1) about a sweep, a purge, an act of remediation, a pack.

The subject is the sweep with the head of the Merkle tree over its hosts; one leaf is all that is stored of one host.
The predicate says when and by what was judged, what came out, and which log the statement continues. A purge names the
sweeps whose content was removed, so that nothing can go without a word. An act of remediation (a plan, an approval,
what was changed or put back) has the record of it as its subject.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hardencheck.model.capture import digest
from hardencheck.model.chain import StoredHost
from hardencheck.model.codec import canonical, host_result_to_json, loads
from hardencheck.model.sweep import Sweep

TYPE = "https://in-toto.io/Statement/v1"
SWEEP = "urn:hardencheck:sweep:1"
PURGE = "urn:hardencheck:purge:1"
REMEDIATION = "urn:hardencheck:remediation:1"
PACK = "urn:hardencheck:pack:1"
#: The digest of a subject is a tree head, not that of any file's bytes: it must not be taken for "sha256".
TREE = "rfc6962Sha256"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Log:
    """The log that a statement continues: its size, its tree head, and the SHA-256 of its last envelope, if any."""

    size: int
    root: str
    previous: str | None

    def to_json(self) -> Json:
        """Return it as it stands in a predicate."""
        return {"size": self.size, "root": self.root, "previous": self.previous}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many hosts of a sweep ended in each state, and how many results in each outcome."""

    hosts: Mapping[str, int]
    results: Mapping[str, int]

    def to_json(self) -> Json:
        """Return it as it stands in a predicate."""
        return {"hosts": dict(self.hosts), "results": dict(self.results)}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it was read: its kind, the digests of its subjects by name, and its predicate."""

    kind: str
    subjects: Mapping[str, Mapping[str, str]]
    predicate: Mapping[str, Any]


def of_sweep(sweep: Sweep, head: bytes, counts: Counts, log: Log) -> bytes:
    """Return the statement that seals a finished sweep, in canonical JSON."""
    predicate = {**described(sweep), "counts": counts.to_json(), "log": log.to_json()}
    return _encoded(SWEEP, {sweep.id: {TREE: head.hex()}}, predicate)


def of_purge(envelopes: Mapping[str, bytes], purged: str, before: str, log: Log) -> bytes:
    """Return the statement that sweeps were purged, each given with the envelope that sealed it.

    `purged` is when, `before` the time before which they had ended (UTC, ISO 8601).
    """
    subjects = {name: {"sha256": digest(envelope)} for name, envelope in envelopes.items()}
    return _encoded(PURGE, subjects, {"purged": purged, "ended_before": before, "log": log.to_json()})


def of_remediation(act: str, record: bytes, at: str, by: str, log: Log) -> bytes:
    """Return the statement that a person (`by`) did something at a time (UTC, ISO 8601), told by a record."""
    return _encoded(REMEDIATION, {act: {"sha256": digest(record)}}, {"at": at, "by": by, "log": log.to_json()})


def of_pack(files: Mapping[str, bytes], predicate: Json) -> bytes:
    """Return the statement about a pack: these files of it, and what the predicate says (`evidence/pack.py`)."""
    return _encoded(PACK, {name: {"sha256": digest(content)} for name, content in files.items()}, predicate)


def described(sweep: Sweep) -> Json:
    """Return what a predicate says of the sweep itself; of its settings the digest alone: they may name clients."""
    return {
        "sweep": {"id": sweep.id, "started": sweep.started, "finished": sweep.finished},
        "baseline": {
            "id": sweep.baseline_id,
            "version": sweep.baseline_version,
            "digest": sweep.baseline_digest,
        },
        "collector_digest": sweep.collector_digest,
        "roster_digest": sweep.roster_digest,
        "settings_digest": digest(canonical(dict(sweep.settings))),
    }


def read(payload: bytes, kinds: Collection[str] = (SWEEP, PURGE, REMEDIATION)) -> Statement:
    """Return a statement of one of these kinds; raises ValueError for anything else, and for a second spelling."""
    body = loads(payload)
    if canonical(body) != payload:
        raise ValueError("not canonical JSON")
    match body:
        case {"_type": t, "subject": list(subjects), "predicateType": str(kind), "predicate": dict(predicate), **rest}:
            named = {each["name"]: each["digest"] for each in subjects}
            if t == TYPE and kind in kinds and len(named) == len(subjects) and not rest:
                return Statement(kind, named, predicate)
    raise ValueError(f"expected a {TYPE} with a predicate {' or '.join(kinds)}")


def leaf(host: StoredHost, salt: bytes | None) -> bytes:
    """Return the leaf of one host: canonical JSON of all that is stored of it, the digest standing for its results.

    It is salted, because its hash outlives it and is handed to people who may not know the host's name. One that was
    edited has no salt: with it, what was taken out could be guessed and tried against the sealed hash.
    """
    body = host_result_to_json(replace(host.result, results=()))
    own = None if salt is None else hmac.digest(salt, host.position.to_bytes(8, "big"), hashlib.sha256)[:16].hex()
    return canonical({**body, "results": host.results, "salt": own})


def _encoded(kind: str, subjects: Mapping[str, Mapping[str, str]], predicate: Json) -> bytes:
    named = [{"name": name, "digest": dict(found)} for name, found in subjects.items()]
    return canonical({"_type": TYPE, "subject": named, "predicateType": kind, "predicate": predicate})
