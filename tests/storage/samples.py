"""Sweeps, hosts and captures to store; the same name always gives the same content."""

from __future__ import annotations

from pathlib import Path

from hardencheck.model.capture import Capture, Ended, digest
from hardencheck.model.chain import Link
from hardencheck.model.manifest import Manifest
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.storage import HostRecord, Store

BASELINE = b'{"id":"bpo-core"}'
STARTED = "2026-11-22T01:30:00Z"
SWEEP_ID = "20261122T013000Z-00aa11"


def rule_result(
    rule_id: str, outcome: Outcome = Outcome.PASS, *, message: str = "", evidence: str | None = None
) -> RuleResult:
    reason = Reason("length", 8, "at least 15", "/etc/pam.d/common-password:25", "length: found 8, expected 15")
    reasons = (reason,) if outcome is Outcome.FAIL else ()
    return RuleResult(
        rule_id, outcome, Severity.HIGH, "password", message or str(outcome), reasons, {"length": 15}, evidence
    )


def pending(name: str) -> HostResult:
    return HostResult(name, HostState.PENDING, labels={"client": "acme"}, groups=("all", "agents"))


def unreachable(name: str) -> HostResult:
    return HostResult(name, HostState.UNREACHABLE, "host_key_changed", f"{name}: the host key has changed")


def sweep(*names: str, sweep_id: str = SWEEP_ID, started: str = STARTED) -> Sweep:
    return Sweep(
        id=sweep_id,
        started=started,
        finished=None,
        baseline_id="bpo-core",
        baseline_version="1.0",
        baseline_digest=digest(BASELINE),
        collector_digest="c" * 64,
        settings={"inventory": ["hosts.ini"], "limit": None},
        hosts=tuple(pending(name) for name in names),
    )


def record(name: str, *results: RuleResult, sweep_id: str = SWEEP_ID, same: bool = False) -> HostRecord:
    """A reached host with three captures of its own (or the same for every host) and one result per capture."""
    blobs, sections = {}, {}
    for number in range(3):
        text = f"section {number} of {'every host' if same else name}\n" * (1 + 40 * number)
        capture = Capture(f"linux.probe{number}", text.encode())
        data = capture.to_bytes()
        blobs[digest(data)] = data
        sections[capture.probe_id] = digest(data)
    manifest = Manifest(name, Ended.CLOSED, sections).to_bytes()
    blobs[digest(manifest)] = manifest
    if not results:
        outcomes = (Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN)
        results = tuple(
            rule_result(f"rule-{number}", outcome, evidence=evidence)
            for number, (outcome, evidence) in enumerate(zip(outcomes, sections.values(), strict=True))
        )
    host = HostResult(
        host=name,
        state=HostState.REACHED,
        labels={"client": "acme"},
        groups=("all", "agents"),
        system="Debian GNU/Linux 12",
        skew=-0.25,
        duration=1.5,
        manifest=digest(manifest),
        results=results,
    )
    return HostRecord(sweep_id, host, blobs)


def run(store: Store, planned: Sweep, *records: HostRecord) -> None:
    """Store a whole sweep."""
    with store.lock(planned.id):
        store.begin(planned, BASELINE)
        with store.writer() as writer:
            for each in records:
                writer.put(each)
        finish(store, planned.id)


def finish(store: Store, sweep_id: str) -> None:
    """Finish a sweep with a link that seals nothing: storage does not look into it."""
    link = Link(len(store.envelopes()), f"envelope of {sweep_id}".encode(), sweep_id)
    store.finish(sweep_id, "2026-11-22T02:00:00Z", link)


def observed(store: Store, planned: Sweep, **outcomes: Outcome) -> None:
    """Store a sweep of one host, `agent1`, whose rules came out as given."""
    results = [rule_result(rule.replace("_", "-"), outcome) for rule, outcome in outcomes.items()]
    run(store, planned, record("agent1", *results, sweep_id=planned.id))


def database(tmp_path: Path) -> Path:
    return tmp_path / "var" / "store.db"
