"""Secrets that a host sends by mistake: they reach neither the store nor a recording, and their section says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hardencheck.baselines.load import load
from hardencheck.baselines.select import select
from hardencheck.baselines.snapshot import to_bytes
from hardencheck.collect.frame import join, split
from hardencheck.collect.gather import Collector
from hardencheck.collect.record import Recorder
from hardencheck.collect.script import new_nonce
from hardencheck.model.baseline import Baseline
from hardencheck.model.capture import Capture, Exchange, Limits, digest
from hardencheck.model.host import Host
from hardencheck.model.outcome import HostState, Outcome, Platform
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.collector import digest_of, script_for, scripts_for
from hardencheck.pipeline.rejudge import differences, rejudge
from hardencheck.pipeline.sweep import Work, run
from hardencheck.pipeline.visit import pending
from hardencheck.storage import Store, open_store
from hardencheck.transport.local import LocalTransport
from hardencheck.transport.replay import ReplayTransport, record
from tests.evidence.canaries import CANARIES
from tests.evidence.chains import KEY, proved

BASELINE = select(load("bpo-core"), rules=["linux-accounts-*", "linux-password-min-length", "linux-ssh-*"])
BASELINE_PROBES = {rule.id: rule.probe for rule in BASELINE.rules}


@pytest.fixture(scope="module")
def heard() -> tuple[Exchange, dict[str, Capture]]:
    """What this machine answers, once."""
    host, nonce = Host("here", "localhost", connection="local"), new_nonce()
    script = script_for(BASELINE, Platform.LINUX)
    exchange = LocalTransport().run(host, script.payload(nonce, BASELINE.values_for("here", ())), Limits())
    frames = split(exchange.stdout, nonce, script.probes)
    assert frames.complete
    assert len(frames.captures) >= 3
    return exchange, frames.captures


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "store" / "h.db") as opened:
        yield opened


def swept(store: Store, folder: Path, answers: dict[str, Exchange], baseline: Baseline = BASELINE) -> Sweep:
    """Sweep hosts that answer so; their answers are recorded again beside the store."""
    hosts = tuple(Host(name, name, connection="replay") for name in answers)
    for host in hosts:
        nonce = answers[host.name].stdout.split(b" ")[1].decode()
        record(folder / "answers", host, answers[host.name], nonce)
    scripts, snapshot = scripts_for(baseline, [Platform.LINUX]), to_bytes(baseline)
    new = Sweep("20261122T000000Z-00000a", "2026-11-22T00:00:00Z", None, baseline.id, baseline.version,
                digest(snapshot), digest_of(scripts), hosts=tuple(map(pending, hosts)))  # fmt: skip
    collector = Collector(
        scripts,
        {"replay": ReplayTransport(folder / "answers")},
        dict.fromkeys(Platform, Limits()),
        lambda host: baseline.values_for(host.name, host.groups),
    )
    seen: list[HostResult] = []
    with store.lock(new.id):
        store.begin(new, snapshot)
        work = Work(new, hosts, baseline, collector, KEY, recorder=Recorder(folder / "recorded"))
        run(work, store, seen.append)
    return store.sweep(new.id)


def answer(heard: tuple[Exchange, dict[str, Capture]], probe_id: str, secret: bytes, where: str) -> Exchange:
    """What this machine would answer if one section held a secret: in its output, its errors, or what sudo says."""
    exchange, captures = heard
    changed = captures[probe_id]
    if where == "stdout":
        changed = replace(changed, stdout=changed.stdout + b"\n" + secret)
    elif where == "stderr":
        changed = replace(changed, stderr=b"warning:\n" + secret)
    said = b"sudo:\n" + secret if where == "sudo" else b""
    return replace(exchange, stdout=join({**captures, probe_id: changed}, new_nonce(), complete=True), stderr=said)


def everything(store: Store, folder: Path) -> bytes:
    """All bytes that are left: every row, all content unpacked, and all files but the answers themselves."""
    with store._engine.connect() as connection:
        rows = b"".join(
            repr(row).encode("utf-8", "backslashreplace")
            for table in ("sweep", "sweep_host", "finding")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        )
        digests = [bytes(each).hex() for each in connection.exec_driver_sql("SELECT digest FROM blob").scalars()]
    files = b"".join(path.read_bytes() for path in sorted((folder / "recorded").glob("*")))
    return rows + b"".join(store.blobs(digests).values()) + files


def test_no_planted_secret_is_kept(store: Store, tmp_path: Path, heard: tuple[Exchange, dict[str, Capture]]) -> None:
    probes = sorted(heard[1])
    plan = {
        f"{where}-{number}": (probes[number % len(probes)], *CANARIES[name], where)
        for where in ("stdout", "stderr", "sudo")
        for number, name in enumerate(CANARIES)
    }
    answers = {host: answer(heard, probe_id, secret, where) for host, (probe_id, _, secret, where) in plan.items()}
    sweep = swept(store, tmp_path, answers | {"clean": answer(heard, probes[0], b"", "nowhere")})
    left = everything(store, tmp_path)
    for name, (_, secret) in CANARIES.items():
        assert secret not in left, name
    hosts = {host.host: host for host in sweep.hosts}
    clean = {result.rule_id: result for result in hosts["clean"].results}
    for name, (probe_id, kind, _, where) in plan.items():
        if where == "sudo":
            assert hosts[name].results == hosts["clean"].results
            continue
        manifest = store.manifest(str(hosts[name].manifest))
        assert manifest.absent == {probe_id: f"its answer held what looks like {kind}, and was not kept"}
        assert hosts[name].state is HostState.PARTIAL
        for result in hosts[name].results:
            if BASELINE_PROBES[result.rule_id] == probe_id:
                assert (result.outcome, result.evidence) == (Outcome.UNKNOWN, None)
                assert kind in result.message
            elif probe_id != "linux.platform":
                assert result.outcome is clean[result.rule_id].outcome
    assert proved(store).hosts == len(plan) + 1
    assert differences(sweep, rejudge(sweep, BASELINE, store)) == []
