"""Judges a stored sweep again from its captures: the same two calls as a sweep, fed from disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from hardencheck.errors import EvidenceError
from hardencheck.evaluate.assess import Assessor, Subject
from hardencheck.model.baseline import Baseline
from hardencheck.model.capture import Capture
from hardencheck.model.manifest import Manifest
from hardencheck.model.outcome import HostState
from hardencheck.model.roster import Roster
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.probes import PLATFORM_PROBES


class Evidence(Protocol):
    """What judging again reads: a store, or a pack. Every method raises EvidenceError for what is not as it was."""

    def roster(self, sweep: Sweep) -> Roster | None:
        """Return the roster that a sweep's hosts are judged by; None when it had none."""
        ...

    def manifest(self, digest: str) -> Manifest:
        """Return the list of one host's captures."""
        ...

    def captures(self, manifest: Manifest) -> Mapping[str, Capture]:
        """Return the captures that a manifest lists, by their probe's id."""
        ...


def rejudge(sweep: Sweep, baseline: Baseline, store: Evidence) -> Sweep:
    """Return the sweep with every result derived anew; raises EvidenceError when evidence is not what it was."""
    assessor = Assessor(baseline, datetime.fromisoformat(sweep.started), store.roster(sweep))
    return replace(sweep, hosts=tuple(_hosts(sweep, assessor, store)))


def _hosts(sweep: Sweep, assessor: Assessor, store: Evidence) -> Iterator[HostResult]:
    for host in sweep.hosts:
        subject = Subject(host.host, host.groups, host.labels.get("process_unit", ""), host.platform)
        if host.state is HostState.PENDING:
            yield host
        elif host.manifest is None:
            yield replace(host, results=assessor.not_reached(subject, host.message))
        else:
            manifest = store.manifest(host.manifest)
            if manifest.host != host.host:
                raise EvidenceError(f"host {host.host}: its evidence is that of host {manifest.host}")
            if manifest.roster != sweep.roster_digest:
                raise EvidenceError(f"host {host.host}: its evidence was sealed with another roster than the sweep's")
            assessed = assessor.assess(subject, manifest, store.captures(manifest))
            yield replace(
                host,
                state=assessed.state,
                reason=assessed.reason,
                message=assessed.message,
                system=assessed.system,
                results=assessed.results,
            )


def with_withheld(judged: Sweep, before: Sweep, baseline: Baseline, withheld: Mapping[str, Collection[str]]) -> Sweep:
    """Return what was judged, but for what rests on captures that are not here: that stays as it was before.

    `withheld` are the probes of such captures by host. How far the look at such a host got stays, too.
    """
    probes = {rule.id: rule.probe for rule in baseline.rules}
    hosts = []
    for old, new in zip(before.hosts, judged.hosts, strict=True):
        missing = withheld.get(old.host, ())
        was = {result.rule_id: result for result in old.results}
        kept = {
            rule_id for rule_id in was if not {probes.get(rule_id), PLATFORM_PROBES[old.platform]}.isdisjoint(missing)
        }
        results = tuple(was[each.rule_id] if each.rule_id in kept else each for each in new.results)
        hosts.append(replace(old, results=results) if missing else new)
    return replace(judged, hosts=tuple(hosts))


def differences(before: Sweep, after: Sweep) -> list[str]:
    """Return one line per result that is not what it was."""
    lines = []
    for old, new in zip(before.hosts, after.hosts, strict=True):
        was = {result.rule_id: result for result in old.results}
        for result in new.results:
            found = was.pop(result.rule_id, None)
            if found is None:
                lines.append(f"{new.host} {result.rule_id}: {result.outcome.value}, was not judged")
            elif found != result:
                lines.append(f"{new.host} {result.rule_id}: {result.outcome.value}, was {found.outcome.value}")
        lines += [f"{new.host} {rule_id}: no longer judged" for rule_id in was]
    return lines
