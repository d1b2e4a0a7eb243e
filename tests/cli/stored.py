"""A store with sweeps of hosts that were never asked: what commands on stored sweeps are tested with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from hardencheck.baselines.load import load
from hardencheck.baselines.snapshot import to_bytes
from hardencheck.model.baseline import Baseline
from hardencheck.model.capture import digest
from hardencheck.model.chain import Link
from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.sweep import timestamp
from hardencheck.storage import HostRecord, new_sweep_id, open_store
from tests.baselines.frozen import FROZEN

KNOWN, PRIVILEGED = "linux-distribution-known", "linux-collector-privileged"

#: host -> rule -> what it came to, and the value that was observed
Seen = Mapping[str, Mapping[str, tuple[Outcome, object]]]


def home_store(home: Path) -> Path:
    """Return where the commands of `tests.cli.test_command_line.run` keep their store."""
    return home / "state" / "hardencheck" / "hardencheck.db"


def result(baseline: Baseline, rule_id: str, outcome: Outcome, observed: object) -> RuleResult:
    rule = baseline.rule(rule_id)
    sentence = f"distribution: found {observed}, expected one of debian"
    reasons = (Reason("distribution", observed, "one of debian", "/etc/os-release", sentence),)
    return RuleResult(
        rule_id, outcome, rule.severity, rule.theme, sentence, reasons if outcome is Outcome.FAIL else (),
        evidence=digest(str(observed).encode()),
    )  # fmt: skip


def put(store: Path, started: datetime, seen: Seen, baseline: Baseline | None = None) -> Sweep:
    """Store a finished sweep: each host is in the group kiosks and of the client acme."""
    by = baseline or load(FROZEN)
    snapshot = to_bytes(by)
    hosts = [HostResult(name, HostState.PENDING, labels={"client": "acme"}, groups=("all", "kiosks")) for name in seen]
    sweep = Sweep(
        id=new_sweep_id(started, "00aa11"),
        started=timestamp(started),
        finished=None,
        baseline_id=by.id,
        baseline_version=by.version,
        baseline_digest=digest(snapshot),
        collector_digest="c" * 64,
        hosts=tuple(hosts),
    )
    with open_store(store) as opened, opened.lock(sweep.id):
        opened.begin(sweep, snapshot)
        with opened.writer() as writer:
            for name, results in seen.items():
                found = tuple(result(by, rule, *what) for rule, what in results.items())
                host = HostResult(
                    name, HostState.REACHED, labels={"client": "acme"}, groups=("all", "kiosks"), results=found
                )
                captured = [str(observed).encode() for _, observed in results.values()]
                writer.put(HostRecord(sweep.id, host, {digest(each): each for each in captured}))
        opened.finish(sweep.id, timestamp(started), Link(len(opened.envelopes()), b"envelope", sweep.id))
        return opened.sweep(sweep.id)
