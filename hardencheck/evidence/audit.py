"""The audit log of remediation: who planned, approved, applied and undid what; each act is a sealed link of the chain.

A record is canonical JSON of an object; what stands in it is the affair of who writes it (`pipeline/apply.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hardencheck.evidence import dsse, statement
from hardencheck.evidence.chain import log_of
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.reading import at, decode
from hardencheck.model.audit import Act, Entry
from hardencheck.model.capture import digest
from hardencheck.model.chain import Link
from hardencheck.model.codec import canonical, loads
from hardencheck.storage import Store


def write(store: Store, act: Act, record: Mapping[str, Any], when: tuple[str, str], key: Signer) -> None:
    """Seal a record of an act, with `when` (UTC, ISO 8601) and by whom; the store's lock must be held."""
    at_time, by = when
    content, so_far = canonical(dict(record)), store.envelopes()
    made = statement.of_remediation(act.value, content, at_time, by, log_of(so_far))
    store.note(content, Link(len(so_far), dsse.wrap(made, key), record=digest(content)))


def read(store: Store) -> Iterator[Entry]:
    """Yield all acts, oldest first; whether they are what was sealed is told by `evidence verify`.

    Raises EvidenceError when a record cannot be read.
    """
    with store.snapshot() as snapshot:
        for link in snapshot.links():
            if link.record is None:
                continue
            with at(f"link {link.position} of the chain"):
                said = decode(dsse.claimed(link.envelope), "statement", statement.read)
                record = decode(snapshot.blob(link.record), f"record {link.record}", loads)
                (act,) = said.subjects
                yield Entry(link.position, Act(act), said.predicate["at"], said.predicate["by"], record)
