"""A recorded answer, swept again without the host: the same results as from the host itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hardencheck.baselines.load import load
from hardencheck.baselines.select import select
from hardencheck.baselines.snapshot import to_bytes
from hardencheck.collect.gather import Collector, gather
from hardencheck.collect.script import new_nonce
from hardencheck.errors import EvidenceError
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.source import StoreSource
from hardencheck.evidence.verify import verify
from hardencheck.model.baseline import Baseline
from hardencheck.model.capture import Limits, digest
from hardencheck.model.host import Host
from hardencheck.model.outcome import HostState, Platform
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.collector import digest_of, script_for, scripts_for
from hardencheck.pipeline.rejudge import differences, rejudge
from hardencheck.pipeline.sweep import Work, run, timestamp
from hardencheck.pipeline.visit import pending
from hardencheck.storage import Store, new_sweep_id, open_store
from hardencheck.transport.base import Transport
from hardencheck.transport.local import LocalTransport
from hardencheck.transport.replay import ReplayTransport, record

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = Signer(Ed25519PrivateKey.generate())
HERE = Host("here", "localhost", connection="local")


@pytest.fixture
def baseline() -> Baseline:
    return select(load("bpo-core"), themes=["password", "access"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "h.db") as opened:
        yield opened


def sweep(store: Store, baseline: Baseline, host: Host, transports: dict[str, Transport], token: str) -> Sweep:
    snapshot = to_bytes(baseline)
    new = Sweep(
        id=new_sweep_id(NOW, token),
        started=timestamp(NOW),
        finished=None,
        baseline_id=baseline.id,
        baseline_version=baseline.version,
        baseline_digest=digest(snapshot),
        collector_digest=digest_of(scripts_for(baseline, [Platform.LINUX])),
        hosts=(pending(host),),
    )
    scripts = scripts_for(baseline, [Platform.LINUX])
    collector = Collector(
        scripts, transports, dict.fromkeys(Platform, Limits()), lambda host: baseline.values_for(host.name, host.groups)
    )
    seen: list[HostResult] = []
    with store.lock(new.id):
        store.begin(new, snapshot)
        run(Work(new, (host,), baseline, collector, KEY), store, seen.append)
    assert [result.host for result in seen] == [host.name]
    return store.sweep(new.id)


def test_a_recording_gives_the_results_of_the_host(store: Store, baseline: Baseline, tmp_path: Path) -> None:
    script, nonce = script_for(baseline, Platform.LINUX), new_nonce()
    payload = script.payload(nonce, baseline.values_for(HERE.name, HERE.groups))
    record(tmp_path / "bundle", HERE, LocalTransport().run(HERE, payload, Limits()), nonce)
    live = sweep(store, baseline, HERE, {"local": LocalTransport()}, "00000a")
    replayed = sweep(
        store, baseline, replace(HERE, connection="replay"), {"replay": ReplayTransport(tmp_path / "bundle")}, "00000b"
    )
    assert replayed.hosts[0].state is live.hosts[0].state
    assert [r.outcome for r in replayed.hosts[0].results] == [r.outcome for r in live.hosts[0].results]
    again = rejudge(replayed, baseline, store)
    assert again == replayed
    assert differences(replayed, again) == []
    with store.snapshot() as snapshot:
        proved = verify(StoreSource(snapshot), [KEY.verifier])
    assert (proved.sweeps, proved.hosts) == (2, 2)


def test_a_stricter_baseline_says_what_differs(store: Store, baseline: Baseline) -> None:
    before = sweep(store, baseline, HERE, {"local": LocalTransport()}, "00000c")
    fewer = select(baseline, themes=["access"])
    lines = differences(before, rejudge(before, fewer, store))
    assert lines
    assert all("no longer judged" in line for line in lines)


def test_one_hosts_evidence_does_not_stand_for_anothers(store: Store, baseline: Baseline) -> None:
    before = sweep(store, baseline, HERE, {"local": LocalTransport()}, "00000d")
    swapped = replace(before, hosts=(replace(before.hosts[0], host="elsewhere"),))
    with pytest.raises(EvidenceError, match="host elsewhere: its evidence is that of host here"):
        rejudge(swapped, baseline, store)


def test_a_host_without_a_transport_or_a_recording_is_unreachable(
    store: Store, baseline: Baseline, tmp_path: Path
) -> None:
    for token, host, transports in (
        ("00000d", replace(HERE, connection="winrm"), {}),
        ("00000e", replace(HERE, connection="replay"), {"replay": ReplayTransport(tmp_path)}),
    ):
        found = sweep(store, baseline, host, dict(transports), token).hosts[0]
        assert found.state is HostState.UNREACHABLE
        assert found.message


def test_a_transport_that_breaks_is_that_hosts_trouble(baseline: Baseline) -> None:
    class Broken:
        def run(self, *_: object) -> None:
            raise RuntimeError("a bug of its own")

        def close(self) -> None:
            pass

    broken: dict[str, Transport] = {"local": Broken()}  # type: ignore[dict-item]
    scripts = scripts_for(baseline, [Platform.LINUX])
    collector = Collector(
        scripts, broken, dict.fromkeys(Platform, Limits()), lambda host: baseline.values_for(host.name, ())
    )
    hosts = [replace(HERE, name=f"h{number}") for number in range(20)]
    found = list(gather(hosts, collector, 4))
    assert sorted(each.host.name for each in found) == sorted(host.name for host in hosts)
    assert all("a bug of its own" in str(each.answer) for each in found)
