"""What the evidence of a fleet weighs: bytes of the store per host and sweep, over daily sweeps of hosts that drift.

    python -m benchmarks.evidence       BENCH_HOSTS=50 for fewer; `make bench` runs it

The images are real answers of lab hosts, one per profile, and Windows machines made of recorded captures. Each host has
names, accounts, addresses, SIDs and UUIDs of its own. Every day the times in its answer move (clock, log-ins, boots,
package lists, signatures, databases), and each of its sections may drift: it becomes that of another image where one
differs, else a number in it changes, and it stays so.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
from calendar import timegm
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import strptime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tabulate import tabulate

from hardencheck.baselines.load import load
from hardencheck.baselines.snapshot import to_bytes
from hardencheck.collect.frame import Frames
from hardencheck.collect.gather import Answer, Collected
from hardencheck.collect.redact import redact
from hardencheck.evaluate.assess import Assessor
from hardencheck.evidence.chain import seal_sweep
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.source import StoreSource
from hardencheck.evidence.verify import verify
from hardencheck.model.baseline import Baseline
from hardencheck.model.capture import Capture, Ended, Exchange, digest
from hardencheck.model.host import Host
from hardencheck.model.outcome import Platform
from hardencheck.model.sweep import Sweep
from hardencheck.pipeline.collector import digest_of, scripts_for
from hardencheck.pipeline.rejudge import differences, rejudge
from hardencheck.pipeline.sweep import timestamp
from hardencheck.pipeline.visit import pending, visit, without_secrets
from hardencheck.storage import HostRecord, Store, new_sweep_id, open_store
from tests.lab.lab import Lab
from tests.winlab.machine import like

HOSTS = int(os.environ.get("BENCH_HOSTS", "150"))
DAYS = 10
DRIFT = 0.02  #: of all sections, every day
LIMIT = 3 * 1024
START = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)

PROFILES = ("noids", "openfw", "weakpw", "nofw", "sshroot", "uid0", "tricky-firewalld", "tricky-ufw")
MACHINES = (
    "a Windows 11 workstation of a domain, in English",
    "a workstation in a workgroup, in German",
    "a domain controller on Server Core, in Japanese",
    "a member server, in Polish",
)

#: times as they stand in answers: seconds since the epoch, ISO 8601, the Date of a Release file, what last(1) prints
TIMES: Mapping[re.Pattern[bytes], str] = {
    re.compile(rb"\b1[5-9]\d{8}\b"): "%s",
    re.compile(rb"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d"): "%Y-%m-%dT%H:%M:%S",
    re.compile(rb"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d"): "%a, %d %b %Y %H:%M:%S",
    re.compile(rb"\b[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d 20\d\d"): "%a %b %d %H:%M:%S %Y",
}
#: what lies so near to the time of an answer goes on with the days: it is older at most, and the end of a list later
NEAR = (timedelta(days=-3), timedelta(days=8))
#: file systems and the network card's part of IPv6 addresses
OWN = re.compile(
    rb"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|(?<=fe80::)[0-9a-f:]+|(?<=fe80000000000000)[0-9a-f]{16}"
)
#: a number after a name: what a setting, or an item of JSON, is set to
SETTING = re.compile(rb'(?<=[a-z_"] = )\d+|(?<=[a-z_]=)\d+|(?<=[a-z_]": )\d+')
#: the probes whose sections tell the names that stand in others
NAMING = ("linux.platform", "linux.account_activity", "windows.platform", "windows.local_accounts")
LOGINS = re.compile(rb"@run \d+ journal_logins\n(.*?) 0\n", re.DOTALL)
#: the accounts that every host of a site has
COMMON = (b"svc_hc", b"itadmin")
PEOPLE = (*COMMON, b"agent1", b"agent2")


@dataclass(frozen=True)
class Image:
    """What one kind of machine answered, and when."""

    platform: Platform
    captures: Mapping[str, Capture]
    taken: datetime


def linux_images(lab: Lab) -> Iterator[Image]:
    """Ask one lab host of each profile by a real sweep, and take its answer out of the store."""
    inventory = lab.inventory_of(*lab.hosts(*PROFILES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.db")
        command = [sys.executable, "-m", "hardencheck", "sweep", "-i", inventory, "-q", "--store", path]
        subprocess.run([*lab.exec_prefix, *map(str, command)], capture_output=True, check=False)
        with open_store(path) as store:
            for host in store.sweep("last").hosts:
                assert host.manifest is not None, f"{host.host}: {host.message}"
                captures = store.captures(store.manifest(host.manifest))
                told = re.search(rb"\n(\d{10})\n", captures["linux.platform"].stdout)
                assert told is not None
                logins = b"".join(b"%s@%s\n" % (name, told[1]) for name in PEOPLE)
                activity = captures["linux.account_activity"]
                text = LOGINS.sub(b"@run %d journal_logins\n%s 0\n" % (len(logins) + 2, logins), activity.stdout)
                captures = {**captures, activity.probe_id: replace(activity, stdout=text)}
                yield Image(Platform.LINUX, captures, datetime.fromtimestamp(int(told[1]), UTC))


def windows_images() -> Iterator[Image]:
    """Return machines made of recorded captures, which were all taken at one time."""
    for machine in MACHINES:
        yield Image(Platform.WINDOWS, like(machine, {}).captures, datetime(2026, 11, 22, 0, 0, 3, tzinfo=UTC))


class Member:
    """One host of the fleet, from day to day."""

    def __init__(self, number: int, image: Image, others: Mapping[str, list[Capture]]) -> None:
        site, unit = f"Site {number % 3}", f"Unit {number % 7}"
        name, platform = f"desk-{number:04}.floor{number % 5}.example.com", image.platform
        self.host = Host(name, name, platform=platform, groups=("all", platform.value, site.lower()), client="Acme",
                         process_unit=unit, site=site)  # fmt: skip
        self._image, self._others = image, others
        self._chance = random.Random(f"host {number}")
        self._key = hashlib.sha256(name.encode()).digest()
        self._sections = self._with_names(image.captures)

    def answer(self, day: int, moment: datetime, asked: frozenset[str]) -> Collected:
        """Return what the host answers on a day, asked at this moment."""
        for name in [name for name in self._sections if day > 0 and self._chance.random() < DRIFT]:
            self._sections[name] = self._drifted(self._sections[name])
        lasted = round(self._chance.uniform(1, 6), 3)
        captures = {
            name: replace(capture, stdout=self._today(day, moment, capture.stdout))
            for name, capture in self._sections.items()
            if name in asked
        }
        exchange = Exchange(b"", b"", 0, Ended.CLOSED, lasted)
        start = moment.timestamp()
        return Collected(self.host, start, start + lasted, Answer(Frames(captures, {}, complete=True), exchange))

    def _drifted(self, capture: Capture) -> Capture:
        name = capture.probe_id
        kinds = [other for other in self._others[name] if other != self._image.captures[name]]
        if kinds:
            naming = {each: self._image.captures[each] for each in NAMING if each in self._image.captures}
            return self._with_names({**naming, name: self._chance.choice(kinds)})[name]
        numbers = list(SETTING.finditer(capture.stdout))
        if not numbers:
            return capture
        found = self._chance.choice(numbers)
        other = str(self._chance.randrange(10 ** len(found[0]))).zfill(len(found[0])).encode()
        return replace(capture, stdout=capture.stdout[: found.start()] + other + capture.stdout[found.end() :])

    def _with_names(self, captures: Mapping[str, Capture]) -> dict[str, Capture]:
        """Return the sections with names, addresses and ids of this host alone, of the same length."""
        found = redact(Host("-", "-", platform=self._image.platform), captures, self._key)
        if self._image.platform is Platform.WINDOWS:
            return found  # its UUIDs are those of classes and policies, the same everywhere
        was, now = (each["linux.account_activity"].stdout for each in (captures, found))
        common = {now[(at := was.find(name + b":")) : at + len(name)]: name for name in COMMON}
        pattern = re.compile(b"|".join(map(re.escape, common)))

        def own(text: bytes) -> bytes:
            return OWN.sub(self._other, pattern.sub(lambda match: common[match[0]], text))

        return {name: replace(each, stdout=own(each.stdout)) for name, each in found.items()}

    def _other(self, found: re.Match[bytes]) -> bytes:
        """Return other hexadecimal digits, as many."""
        place = iter(hashlib.sha512(self._key + found[0]).hexdigest())
        return re.sub(rb"[0-9a-f]", lambda _: next(place).encode(), found[0])

    def _today(self, day: int, moment: datetime, text: bytes) -> bytes:
        for pattern, form in TIMES.items():
            text = pattern.sub(self._moved(form, day, moment), text)
        return text

    def _moved(self, form: str, day: int, moment: datetime) -> Callable[[re.Match[bytes]], bytes]:
        def move(found: re.Match[bytes]) -> bytes:
            said = found[0].decode()
            was = datetime.fromtimestamp(int(said) if form == "%s" else timegm(strptime(said, form)), UTC)
            if not NEAR[0] < was - self._image.taken < NEAR[1]:
                return found[0]
            jitter = int.from_bytes(hashlib.sha256(self._key + bytes([day]) + found[0]).digest()[:4]) % 3600
            now = was + (moment - self._image.taken) - timedelta(seconds=jitter if was != self._image.taken else 0)
            return (str(int(now.timestamp())) if form == "%s" else now.strftime(form)).encode()

        return move


def fleet(images: list[Image]) -> list[Member]:
    """Return the hosts, dealt over the images; a section may drift to what another image has there."""
    others: dict[str, list[Capture]] = {}
    for image in images:
        for name, capture in image.captures.items():
            others.setdefault(name, []).append(capture)
    return [Member(number, images[number % len(images)], others) for number in range(HOSTS)]


def sweep(store: Store, members: list[Member], day: int, baseline: Baseline) -> None:
    """Sweep the fleet on one day, as the pipeline does."""
    start, snapshot = START + timedelta(days=day), to_bytes(baseline)
    scripts = scripts_for(baseline, Platform)
    planned = Sweep(
        id=new_sweep_id(start, f"{day:06x}"),
        started=timestamp(start),
        finished=None,
        baseline_id=baseline.id,
        baseline_version=baseline.version,
        baseline_digest=digest(snapshot),
        collector_digest=digest_of(scripts),
        hosts=tuple(pending(member.host) for member in members),
    )
    assessor = Assessor(baseline, start)
    asked = {platform: frozenset(probe.id for probe in script.probes) for platform, script in scripts.items()}
    with store.lock(planned.id):
        store.begin(planned, snapshot)
        with store.writer() as writer:
            for number, member in enumerate(members):
                moment, platform = start + timedelta(seconds=number), member.host.platform
                collected = without_secrets(member.answer(day, moment, asked[platform]))
                result, blobs = visit(assessor, collected, scripts[platform].probes)
                writer.put(HostRecord(planned.id, result, blobs))
        end = start + timedelta(seconds=len(members) + 6)
        seal_sweep(store, planned.id, timestamp(end), Signer(Ed25519PrivateKey.from_private_bytes(bytes(32))))


def weigh(path: Path) -> dict[str, int]:
    """Return what a store that nobody has open weighs, in bytes: parts of its file, then the evidence, then all of it.

    Evidence is captures, manifests and the chain, with their share of the rows that hold content.
    """
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:

        def one(query: str) -> int:
            return int(connection.execute(query).fetchone()[0] or 0)

        size = one("SELECT sum(pgsize) FROM dbstat")
        pages = "SELECT sum(pgsize) FROM dbstat JOIN sqlite_schema AS part USING (name) WHERE part.tbl_name"
        data = "SELECT sum(length(data)) FROM blob WHERE digest"
        manifests, results = (one(f"{data} IN (SELECT {name} FROM sweep_host)") for name in ("manifest", "results"))
        baselines = one(f"{data} IN (SELECT baseline_digest FROM sweep)")
        content, rows = one("SELECT sum(length(data)) FROM blob"), one(f"{pages} = 'blob'")
        found = {
            "captures": content - manifests - results - baselines,
            "manifests": manifests,
            "results": results,
            "rows of content": rows - content,
            "rows of hosts": one(f"{pages} = 'sweep_host'"),
            "findings": one(f"{pages} = 'finding'"),
            "chain": one(f"{pages} = 'chain'"),
        }
        judged = one("SELECT count(DISTINCT results) FROM sweep_host") / one("SELECT count(*) FROM blob")
        parts = found["captures"] + found["manifests"] + found["chain"]
        evidence = parts + round(found["rows of content"] * (1 - judged))
        whole = path.stat().st_size
        return {**found, "the rest": size - sum(found.values()), "evidence": evidence, "the whole file": whole}


def prove(store: Store, baseline: Baseline) -> str:
    """Verify the chain and judge the newest sweep again; return what came of it."""
    key = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with store.snapshot() as snapshot:
        proved = verify(StoreSource(snapshot), [key.verifier])
    last = store.sweep("last")
    changed = differences(last, rejudge(last, baseline, store))
    return f"{proved.sweeps} sweeps, {proved.hosts} hosts verified; {len(changed)} results judged otherwise from disk"


def main() -> None:
    """Sweep for some days, and print what the store weighs per host and sweep."""
    lab = Lab(f"bench{os.getpid()}")
    try:
        lab.require(build=True)
        images = [*linux_images(lab), *windows_images()]
    finally:
        lab.down()
    members, baseline = fleet(images), load("bpo-core")
    with tempfile.TemporaryDirectory() as folder:
        path, weights = Path(folder, "s.db"), []
        for day in range(DAYS):
            with open_store(path) as store:  # closed after each day: its log is then part of the file
                sweep(store, members, day, baseline)
            weights.append(weigh(path))
            print(f"swept day {day + 1}: {weights[-1]['the whole file']} bytes", file=sys.stderr)
        with open_store(path) as store:
            proof = prove(store, baseline)
    first, last = weights[0], weights[-1]
    rows = [
        (name, first[name] / HOSTS, (last[name] - first[name]) / HOSTS / (DAYS - 1), last[name] / HOSTS / DAYS)
        for name in last
    ]
    headers = ("bytes per host and sweep", "day 1", f"days 2 to {DAYS}", f"all {DAYS} days")
    print(tabulate(rows, headers=headers, floatfmt=".0f"))
    print(f"\n{HOSTS} hosts of {len(images)} images, {DRIFT:.0%} drift a day, per host and sweep over {DAYS} sweeps:")
    for name, _, later, whole in rows[-2:]:
        told = "within" if whole <= LIMIT else "MORE than"
        print(f"{name}: {whole:.0f} bytes, {told} the {LIMIT} that are allowed; without the first day {later:.0f}")
    print(proof)


if __name__ == "__main__":
    main()
