"""Seals sweeps: each finished one gets a signed link that continues the store's log, and so does each purge."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hardencheck.errors import EvidenceError
from hardencheck.evidence import checkpoint, dsse, statement
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.merkle import Tree, leaf_hash, root
from hardencheck.model.capture import digest
from hardencheck.model.chain import Link
from hardencheck.storage import Store
from hardencheck.storage.chain import Snapshot


@dataclass(frozen=True, slots=True)
class Purged:
    """How many sealed sweeps, unfinished sweeps, and pieces of content were removed."""

    sweeps: int
    unfinished: int
    contents: int


def seal_sweep(store: Store, sweep_id: str, finished: str, key: Signer) -> None:
    """Finish a sweep (UTC, ISO 8601) and seal it in the same transaction; raises StoreError while hosts are pending."""
    salt = secrets.token_bytes(32)
    with store.snapshot() as snapshot:
        sweep = replace(snapshot.sweep(sweep_id), finished=finished)
        hosts, results = Counter[str](), Counter[str]()
        leaves = list(_leaves(snapshot, sweep_id, salt, (hosts, results)))
    so_far = store.envelopes()
    made = statement.of_sweep(sweep, root(leaves), statement.Counts(hosts, results), log_of(so_far))
    store.finish(sweep_id, finished, Link(len(so_far), dsse.wrap(made, key), sweep_id, b"".join(leaves), salt))


def purge(store: Store, before: str, now: str, key: Signer) -> Purged:
    """Remove the sweeps that ended before a time, and say so in the chain; times are UTC in ISO 8601.

    Raises EvidenceError, and removes nothing, when a sweep's row says that it is old and what seals it does not.
    """
    names = set(store.older(before))
    if not names:
        return Purged(0, 0, 0)
    with store.snapshot() as snapshot:
        sealed = {link.sweep_id: link.envelope for link in snapshot.links() if link.sweep_id in names}
        for name in names.intersection(snapshot.finished()) | sealed.keys():
            _require_old(str(name), sealed.get(name), before)
    link, so_far = None, store.envelopes()
    if sealed:
        made = statement.of_purge({str(name): each for name, each in sealed.items()}, now, before, log_of(so_far))
        link = Link(len(so_far), dsse.wrap(made, key))
    return Purged(len(sealed), len(names) - len(sealed), store.forget(names, link))


def checkpoint_of(envelopes: list[bytes]) -> checkpoint.Checkpoint:
    """Return where the log stands that consists of these envelopes, at least one."""
    head = Tree(map(leaf_hash, envelopes)).root()
    return checkpoint.Checkpoint(checkpoint.origin_of(envelopes[0]), len(envelopes), head)


def log_of(envelopes: list[bytes]) -> statement.Log:
    """Return how a statement names the log that consists of these envelopes."""
    head = Tree(map(leaf_hash, envelopes)).root()
    return statement.Log(len(envelopes), head.hex(), digest(envelopes[-1]) if envelopes else None)


def _require_old(sweep_id: str, envelope: bytes | None, before: str) -> None:
    """Raise EvidenceError unless what seals a sweep says that it ended before a time."""
    try:
        said = statement.read(dsse.claimed(envelope or b"")).predicate["sweep"]
        old = said["id"] == sweep_id and said["finished"] < before
    except (EvidenceError, ValueError, KeyError, TypeError):
        old = False
    if not old:
        raise EvidenceError(
            f"sweep {sweep_id}: its row says that it ended before {before}, and nothing that is sealed says so",
            hint="hardencheck evidence verify says what was changed; nothing was purged",
        )


def _leaves(
    snapshot: Snapshot, sweep_id: str, salt: bytes, counts: tuple[Counter[str], Counter[str]]
) -> Iterator[bytes]:
    """Yield the leaf hashes of a sweep's hosts, counting states and outcomes."""
    hosts, results = counts
    seen: dict[str, Counter[str]] = {}
    for host in snapshot.hosts(sweep_id):
        hosts[host.result.state.value] += 1
        if host.results is not None:
            if host.results not in seen:
                seen[host.results] = Counter(each["outcome"] for each in json.loads(snapshot.blob(host.results)))
            results.update(seen[host.results])
        yield leaf_hash(statement.leaf(host, salt))
