"""A hundred hosts in one sweep, and its report in every format: accepted by those it is for, who count what we count.

Four hosts are the lab's, over SSH; the others answer out of recordings of lab hosts and of Windows machines.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hardencheck.baselines.load import load
from hardencheck.baselines.snapshot import to_bytes
from hardencheck.collect.gather import Collector
from hardencheck.collect.script import new_nonce
from hardencheck.evidence.keys import key_beside, signer
from hardencheck.inventory import Credentials
from hardencheck.inventory import load as load_inventory
from hardencheck.model.baseline import Baseline
from hardencheck.model.capture import Ended, Exchange, Limits, digest
from hardencheck.model.host import Host
from hardencheck.model.outcome import Outcome, Platform
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.collector import digest_of, scripts_for
from hardencheck.pipeline.sweep import Work, run, timestamp
from hardencheck.pipeline.visit import pending
from hardencheck.report import formats
from hardencheck.storage import new_sweep_id, open_store
from hardencheck.transport.base import Transport
from hardencheck.transport.bootstrap import BOOTSTRAP
from hardencheck.transport.guard import CredentialGuard
from hardencheck.transport.replay import ReplayTransport, record
from hardencheck.transport.ssh import SshTransport
from tests.end_to_end.conftest import TAILORING
from tests.end_to_end.readers import READERS
from tests.end_to_end.running import words
from tests.end_to_end.test_windows import MACHINES, machine
from tests.lab.lab import Lab
from tests.winlab.netns import inside
from tests.winlab.shells import Request

#: over SSH: reached twice, without sudo, with a host key that nobody knows
LIVE = ("good", "bad", "nosudo", "openfw")
RECORDED = ("good", "bad", "weakpw", "uid0")
LINUX, WINDOWS, LOST = 52, 40, 4
#: every so many recordings of a Linux host end in the middle
CUT = 10


@dataclass(frozen=True)
class Hundred:
    """What the sweep left: where its reports are, the results as the JSON report has them, and which one is waived."""

    folder: Path
    code: int
    body: dict[str, Any]
    waived: tuple[str, str]
    environment: dict[str, str]

    @property
    def results(self) -> dict[tuple[str, str], Outcome]:
        """Every outcome by host and rule."""
        return {
            (host["host"], result["rule_id"]): Outcome(result["outcome"])
            for host in self.body["sweep"]["hosts"]
            for result in host["results"]
        }


def members(folder: Path, ssh: list[Host], baseline: Baseline) -> list[Host]:
    """Return the hosts of the sweep; those that are not the lab's are recorded in the folder first."""
    asked = {host.name: host for host in ssh}
    scripts, transport = scripts_for(baseline, Platform), SshTransport(folder / "pins", guard(folder))
    found = [asked[name] for name in LIVE]
    taken: list[tuple[Exchange, str]] = []
    for name in RECORDED:
        nonce = new_nonce()
        payload = scripts[Platform.LINUX].payload(nonce, baseline.values_for(name, asked[name].groups))
        taken.append((transport.run(asked[name], payload, Limits()), nonce))
    transport.close()
    for number in range(LINUX):
        exchange, nonce = taken[number % len(taken)]
        if number % CUT == 0:
            exchange = replace(exchange, stdout=exchange.stdout[: len(exchange.stdout) // 2], ended=Ended.LOST)
        found.append(member(f"linux-{number:02}", Platform.LINUX, number))
        record(folder, found[-1], exchange, nonce)
    for number in range(WINDOWS):
        found.append(member(f"windows-{number:02}", Platform.WINDOWS, number))
        nonce = new_nonce()
        sent = Request("", scripts[Platform.WINDOWS].payload(nonce, {}), {}, "audit", 65001, BOOTSTRAP)
        answer = machine([*MACHINES][number % len(MACHINES)])(sent)
        record(folder, found[-1], Exchange(answer.stdout, b"", 0, Ended.CLOSED, 9.5), nonce)
    return found + [member(f"lost-{number}", [*Platform][number % 2], number) for number in range(LOST)]


def member(name: str, platform: Platform, number: int) -> Host:
    return Host(name, name, platform=platform, connection="replay", groups=("all", platform.value),
                client=("Acme", "Søns & Co")[number % 2], process_unit=f"Unit {number % 3}", site="Manila")  # fmt: skip


def guard(folder: Path) -> CredentialGuard:
    return CredentialGuard(folder / "credentials.json")


def sweep(store: Path, folder: Path, hosts: list[Host], baseline: Baseline) -> None:
    """Sweep as the command does, but for the transport that it has no word for."""
    now, snapshot, scripts = datetime.now(UTC), to_bytes(baseline), scripts_for(baseline, Platform)
    planned = Sweep(
        id=new_sweep_id(now, "00064a"),
        started=timestamp(now),
        finished=None,
        baseline_id=baseline.id,
        baseline_version=baseline.version,
        baseline_digest=digest(snapshot),
        collector_digest=digest_of(scripts),
        hosts=tuple(map(pending, hosts)),
    )
    transports: dict[str, Transport] = {
        "replay": ReplayTransport(folder),
        "ssh": SshTransport(folder / "pins", guard(folder)),
    }
    collector = Collector(
        scripts, transports, dict.fromkeys(Platform, Limits()), lambda host: baseline.values_for(host.name, host.groups)
    )
    seen: list[HostResult] = []
    with open_store(store) as opened, opened.lock(planned.id):
        opened.begin(planned, snapshot)
        signs = signer(key_beside(store), make=True)
        run(Work(planned, tuple(hosts), baseline, collector, signs, workers=20), opened, seen.append)
    assert len(seen) == len(hosts)


@pytest.fixture(scope="module")
def hundred(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Hundred:
    folder = tmp_path_factory.mktemp("hundred")
    store, tailoring = folder / "store" / "h.db", folder / "site.yaml"
    store.parent.mkdir()
    tailoring.write_text(TAILORING)
    baseline, up = load("bpo-core", tailoring), lab.hosts(*dict.fromkeys((*LIVE, *RECORDED)))
    hosts = load_inventory([str(lab.inventory_of(*up))], None, Credentials()).hosts
    # threads that are begun in the block belong to the namespace of the lab, too
    with inside(lab.exec_prefix[-1]):
        everybody = members(folder / "recordings", list(hosts), baseline)
        with lab.changed_host_key(lab.host("openfw")):
            sweep(store, folder / "recordings", everybody, baseline)

    environment = {**os.environ, "HARDENCHECK_STORE": str(store), "HOME": str(folder)}
    rule, host = "linux-password-min-length", "bad"
    waive = ("waive", rule, "--host", host, "--waivers", folder / "waivers.yaml", "--reason", "replaced <in> spring",
             "--ticket", "SEC-1", "--requester", "Ana", "--approver", "Ben", "--compensating-control", "no",
             "--until", f"{datetime.now(UTC) + timedelta(60):%Y-%m-%d}")  # fmt: skip
    subprocess.run(words(*waive), env=environment, check=True, capture_output=True)
    (folder / "reports").mkdir()
    paths = {name: f"{name}:{folder}/reports/{name}{READERS[name].suffix}" for name in formats.names()}
    wanted = [word for path in paths.values() for word in ("--report", path)]
    report = words("report", "--waivers", folder / "waivers.yaml", "--format", "json", *wanted)
    done = subprocess.run(report, env=environment, check=False, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return Hundred(folder / "reports", done.returncode, json.loads(done.stdout), (host, rule), environment)


def test_the_sweep_has_a_hundred_hosts_in_every_state_and_can_be_proved(hundred: Hundred) -> None:
    hosts = {host["host"]: host for host in hundred.body["sweep"]["hosts"]}
    states = Counter(host["state"] for host in hosts.values())
    assert len(hosts) == 100
    assert states["unreachable"] == LOST + 1
    assert states["partial"] > LINUX // CUT
    assert hosts["openfw"]["reason"] == "host_key_changed"
    assert hosts["lost-0"]["reason"] == "not_recorded"
    assert hundred.code == 3
    seen = Counter(hundred.results.values())
    assert set(seen) >= {Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.NOTCHECKED, Outcome.NOTAPPLICABLE}
    assert hundred.results[hundred.waived] is Outcome.FAIL
    assert hundred.body["summary"]["total"]["outcomes"] == {outcome: seen[outcome] for outcome in Outcome}
    verified, again = (
        subprocess.run(words(*command), env=hundred.environment, check=False, capture_output=True, text=True)
        for command in (("evidence", "verify"), ("rejudge", "last"))
    )
    assert verified.returncode == 0, verified.stderr
    assert (again.returncode, "every result is as it was stored" in again.stderr) == (3, True)


def test_every_format_has_its_reader() -> None:
    assert set(READERS) == set(formats.names())


@pytest.mark.parametrize("name", READERS)
def test_every_format_is_accepted_and_its_consumer_counts_what_we_count(name: str, hundred: Hundred) -> None:
    reader = READERS[name]
    told = {host: +counts for host, counts in reader.read(hundred.folder / f"{name}{reader.suffix}").items()}
    expected = reader.expected(hundred.results, hundred.waived)
    if set(told) == {""}:
        expected = {"": sum(expected.values(), Counter())}
    assert told == {host: counts for host, counts in expected.items() if counts}
