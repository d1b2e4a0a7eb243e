"""Another sweep over some hosts of an earlier one: by the same baseline, values and roster, sealed as ever."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hardencheck.baselines.snapshot import from_bytes
from hardencheck.collect.gather import Collector
from hardencheck.evidence.keys import Signer
from hardencheck.model.capture import Limits
from hardencheck.model.host import Host
from hardencheck.model.outcome import Platform
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.collector import digest_of, scripts_for
from hardencheck.pipeline.sweep import Work, run, timestamp
from hardencheck.pipeline.visit import pending
from hardencheck.storage import Store, new_sweep_id
from hardencheck.transport.base import Transport


@dataclass(frozen=True, slots=True)
class Eyes:
    """How to look at hosts again: the sweep to repeat, how to reach them, and what signs."""

    like: Sweep
    transports: Mapping[str, Transport]
    limits: Mapping[Platform, Limits]
    signer: Signer


def look_again(store: Store, eyes: Eyes, hosts: Sequence[Host], on_host: Callable[[HostResult], None]) -> Sweep:
    """Sweep these hosts as the earlier sweep did, and return the new one with its results; the lock must be held."""
    snapshot, roster = store.blob(eyes.like.baseline_digest), store.roster(eyes.like)
    baseline, now = from_bytes(snapshot), datetime.now(UTC)
    scripts = scripts_for(baseline, (host.platform for host in hosts), roster=roster is not None)
    sweep = replace(
        eyes.like,
        id=new_sweep_id(now, secrets.token_hex(3)),
        started=timestamp(now),
        finished=None,
        collector_digest=digest_of(scripts),
        hosts=tuple(pending(host) for host in hosts),
    )
    collector = Collector(
        scripts, eyes.transports, eyes.limits, lambda host: baseline.values_for(host.name, host.groups)
    )
    store.begin(sweep, snapshot, roster.to_bytes() if roster else None)
    run(Work(sweep, tuple(hosts), baseline, collector, eyes.signer, roster=roster), store, on_host)
    return store.sweep(sweep.id)
