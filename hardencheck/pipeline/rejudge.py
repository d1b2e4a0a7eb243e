"""Judges a stored sweep again from its captures: the same two calls as a sweep, fed from disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from hardencheck.errors import EvidenceError
from hardencheck.evaluate.assess import Assessor, Subject
from hardencheck.model.baseline import Baseline
from hardencheck.model.outcome import HostState
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.storage import Store


def rejudge(sweep: Sweep, baseline: Baseline, store: Store) -> Sweep:
    """Return the sweep with every result derived anew; raises EvidenceError when evidence is not what it was."""
    assessor = Assessor(baseline, datetime.fromisoformat(sweep.started), store.roster(sweep))
    return replace(sweep, hosts=tuple(_hosts(sweep, assessor, store)))


def _hosts(sweep: Sweep, assessor: Assessor, store: Store) -> Iterator[HostResult]:
    for host in sweep.hosts:
        subject = Subject(host.host, host.groups, host.labels.get("process_unit", ""), host.platform)
        if host.state is HostState.PENDING:
            yield host
        elif host.manifest is None:
            yield replace(host, results=assessor.not_reached(subject, host.message))
        else:
            manifest = store.manifest(host.manifest)
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
