"""One sweep, top to bottom: hosts are asked, answers are sealed, read, judged and stored, and the whole is signed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from hardencheck.collect.gather import Collector, gather
from hardencheck.collect.record import Recorder
from hardencheck.evaluate.assess import Assessor
from hardencheck.evidence.chain import seal_sweep
from hardencheck.evidence.keys import Signer
from hardencheck.model.baseline import Baseline
from hardencheck.model.host import Host
from hardencheck.model.roster import Roster
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.visit import visit, without_secrets
from hardencheck.storage import HostRecord, Store


@dataclass(frozen=True, slots=True)
class Work:
    """What is left to do of one sweep: hosts to visit, how to ask, by what to judge, what signs it, what records it."""

    sweep: Sweep
    hosts: tuple[Host, ...]
    baseline: Baseline
    collector: Collector
    signer: Signer
    workers: int = 50
    roster: Roster | None = None
    recorder: Recorder | None = None


def run(work: Work, store: Store, on_host: Callable[[HostResult], None]) -> None:
    """Visit the hosts of a sweep that the store has begun; each is committed with its evidence before it counts.

    `on_host` hears of each host once. A sweep that is interrupted keeps what was committed and can be resumed.
    """
    assessor = Assessor(work.baseline, datetime.fromisoformat(work.sweep.started), work.roster)
    answers = gather(work.hosts, work.collector, min(work.workers, len(work.hosts)))
    with closing(answers), store.writer() as writer:
        for collected in map(without_secrets, answers):
            result, blobs = visit(assessor, collected, work.collector.scripts[collected.host.platform].probes)
            writer.put(HostRecord(work.sweep.id, result, blobs))
            if work.recorder:
                work.recorder.keep(collected)
            on_host(result)
    seal_sweep(store, work.sweep.id, timestamp(datetime.now(UTC)), work.signer)


def timestamp(moment: datetime) -> str:
    """Return a UTC time as the store keeps it: ISO 8601 with seconds and `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
