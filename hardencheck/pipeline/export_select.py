"""Chooses what a pack is made of: the sweeps of one client, and in them its hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from hardencheck.errors import UsageError
from hardencheck.evidence.reading import decode
from hardencheck.model.chain import Link, StoredHost
from hardencheck.model.codec import results_from_bytes
from hardencheck.model.expectation import near
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.storage.chain import Snapshot

#: why a link of the log is not in a pack
_PURGE = "an entry about a purge, which names what was removed"
_REMEDIATION = "an entry about remediation, which may name hosts of others"
_PURGED = "a sweep whose content was purged"
_OLDER = "a sweep that had ended before the first day of the pack"
_OTHERS = "a sweep without a host of this client"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One sweep of a pack, as it was sealed: `hosts` are the client's, with their results, `sealed` counts everybody's.

    `sweep` itself is without its hosts.
    """

    link: Link
    sweep: Sweep
    hosts: tuple[StoredHost, ...]
    sealed: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The sweeps of a pack in the order of the log, and the hosts of other clients in any sweep of the store.

    `left_out` are the positions of all other links by the reason for which they are not in the pack.
    """

    links: tuple[Link, ...]
    sweeps: tuple[Chosen, ...]
    others: tuple[HostResult, ...]
    left_out: Mapping[str, tuple[int, ...]]

    @property
    def own(self) -> list[HostResult]:
        """This client's hosts, once for each sweep."""
        return [each.result for sweep in self.sweeps for each in sweep.hosts]


def select(snapshot: Snapshot, client: str, since: date | None) -> Selection:
    """Return the sweeps that ended at or after a day (UTC) and have a host of the client.

    Raises UsageError when there is none, saying which clients there are.
    """
    links, finished = tuple(snapshot.links()), set(snapshot.finished())
    results: dict[str, tuple[RuleResult, ...]] = {}
    chosen: list[Chosen] = []
    left_out: dict[str, list[int]] = {}
    others: dict[tuple[str, ...], HostResult] = {}
    ended: list[str] = []
    for link in links:
        if link.sweep_id is None or link.sweep_id not in finished:
            other = _REMEDIATION if link.record else _PURGE
            left_out.setdefault(other if link.sweep_id is None else _PURGED, []).append(link.position)
            continue
        sweep, own = snapshot.sweep(link.sweep_id), []
        for host in snapshot.hosts(link.sweep_id):
            named = host.result.labels.get("client")
            if named == client:
                own.append(host)
            elif named:
                others[host.result.host, named, host.result.labels.get("process_unit", "")] = host.result
        ended += [str(sweep.finished)] if own else []
        if own and (since is None or str(sweep.finished) >= f"{since}T00:00:00Z"):
            hosts = tuple(replace(each, result=_with_results(snapshot, each, results)) for each in own)
            chosen.append(Chosen(link, sweep, hosts, len(link.hashes())))
        else:
            left_out.setdefault(_OLDER if own else _OTHERS, []).append(link.position)
    if not finished:
        raise UsageError("the store holds no finished sweep yet", hint="run a sweep first")
    if not ended:
        known = {name for _, name, _ in others}
        raise UsageError(f"--client {client}: no finished sweep has a host of this client{near(client, known)}")
    if not chosen:
        raise UsageError(f"--since {since}: the newest sweep with a host of client {client} ended at {max(ended)}")
    placed = {reason: tuple(positions) for reason, positions in left_out.items()}
    return Selection(links, tuple(chosen), tuple(others.values()), placed)


def _with_results(snapshot: Snapshot, host: StoredHost, known: dict[str, tuple[RuleResult, ...]]) -> HostResult:
    """Return a host with its results; equal ones are read once and shared."""
    if host.results is None:
        return host.result
    if host.results not in known:
        known[host.results] = decode(snapshot.blob(host.results), f"results {host.results}", results_from_bytes)
    return replace(host.result, results=known[host.results])
