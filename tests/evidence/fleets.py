"""A store of two clients' hosts, judged from captures and sealed: what packs are made of in tests.

Everything about Globex must stay out of a pack for Acme; `GLOBEX` are the words that would tell of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hardencheck.baselines.load import load
from hardencheck.baselines.select import select
from hardencheck.baselines.snapshot import to_bytes
from hardencheck.evaluate.assess import Assessor, Subject
from hardencheck.evidence.chain import seal_sweep
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.seal import seal
from hardencheck.model.baseline import Baseline, Tailoring, TailoringScope
from hardencheck.model.capture import Capture, Ended, digest
from hardencheck.model.manifest import Manifest
from hardencheck.model.outcome import HostState
from hardencheck.model.roster import Person, Roster, Standing
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.export import Maker, Wanted, export
from hardencheck.pipeline.sweep import timestamp
from hardencheck.storage import HostRecord, Store, new_sweep_id
from tests.evaluate.test_assess import platform
from tests.evidence.chains import KEY
from tests.probes.cases import DATA, compose

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
MADE = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
GLOBEX = ("globex", "gx-till", "helpdesk nord", "helpdesk-nord", "bruno.giese", "bruno", "E-2002")
RULES = [
    "linux-accounts-only-root-uid-zero", "linux-accounts-on-roster", "linux-leavers-*", "linux-movers-*",
    "linux-roster-*",
]  # fmt: skip


@cache
def recorded(probe_id: str) -> dict[str, Any]:
    """The first recorded answer to a probe, as it stands in tests/data."""
    with (DATA / f"{probe_id}.yaml").open(encoding="utf-8") as file:
        found: dict[str, Any] = next(yaml.safe_load_all(file))
    return found


@dataclass(frozen=True)
class Desk:
    """One host: whose it is, the people with accounts on it, and more lines of its passwd file."""

    name: str
    client: str = "acme"
    unit: str = "Claims"
    owner: str = "Ines Mora <ines.mora@bpo.example>"
    people: tuple[str, ...] = ("ines.mora", "timo.falk", "vera.holt")
    more: str = ""
    groups: tuple[str, ...] = ("all", "acme_desks")
    unreachable: str = ""
    absent: dict[str, str] = field(default_factory=dict)

    def captures(self) -> Iterable[Capture]:
        lines = "".join(f"{name}:x:{number}:{number}:/home/{name}:/bin/bash\n" for number, name in self._numbered())
        said = {
            "passwd": f"root:x:0:0:/root:/bin/bash\n{lines}",
            "groups": f"sudo:27:\nclaims:900:{','.join(self.people)}\n",
            "shadow": "root:locked:20605:99999::\n" + "".join(f"{name}:set:20605:60::\n" for name in self.people),
            "last_records": "Username         Port     From                                       Latest\n",
            "terminal_logins": "\nwtmp begins Sun Nov  1 07:46:51 2026\n",
        }
        passwd = f"root:x:0:0:root:/root:/bin/bash\n{lines.replace(':/home', '::/home')}{self.more}"
        yield platform()
        yield Capture("linux.accounts", compose({
            "runs": {"usable": {"text": "root\n"}, "command": {}, "patterns": {"text": "\n"}, "keys": {}},
            "files": {"/etc/passwd": passwd},
        }))  # fmt: skip
        for probe_id in ("linux.roster", "linux.roster_groups", "linux.roster_presence"):
            runs = recorded(probe_id)["runs"]
            own = {name: {"text": text} for name, text in said.items() if name in runs}
            yield Capture(probe_id, compose({"runs": {**runs, **own}}))

    def _numbered(self) -> Iterable[tuple[int, str]]:
        return enumerate(self.people, 1001)


ACME = (Desk("desk-1"), Desk("desk-2", people=("ines.mora",)), Desk("desk-3", unreachable="no route to host"))
TILLS = (
    Desk("gx-till-7", "globex", "Helpdesk Nord", "Bruno Giese", ("bruno.giese",), groups=("all", "globex_tills")),
    Desk("gx-till-8", "globex", "Helpdesk Nord", "Bruno Giese", ("bruno.giese",), groups=("all", "globex_tills")),
)


def people() -> Roster:
    return Roster((
        Person("E-1001", "ines.mora", Standing.ACTIVE, process_unit="Claims"),
        Person("E-1002", "timo.falk", Standing.LEFT, last_day=date(2026, 10, 30), process_unit="Helpdesk Nord"),
        Person("E-1003", "vera.holt", Standing.ACTIVE, process_unit="Helpdesk Nord"),
        Person("E-2002", "bruno.giese", Standing.ACTIVE, process_unit="Helpdesk Nord", vendor="Globex Services"),
    ))  # fmt: skip


def rules(tailoring: Tailoring | None = None) -> Baseline:
    return replace(select(load("bpo-core"), rules=RULES), tailoring=tailoring or Tailoring())


def tailored() -> Baseline:
    """A baseline whose tailoring speaks of both clients, by groups and hosts and for everyone."""
    return rules(
        Tailoring(
            TailoringScope({}, {"linux-accounts-only-root-uid-zero": "told by the CMDB"}),
            {
                "acme_desks": TailoringScope({"service_accounts": ["svc_acme"]}),
                "globex_tills": TailoringScope({}, {"linux-accounts-on-roster": "Globex keeps its own list"}),
            },
            {"desk-2": TailoringScope({"service_accounts": ["svc_desk"]}), "gx-till-7": TailoringScope()},
        )
    )


def sweep(
    store: Store, desks: Iterable[Desk], number: int = 0, baseline: Baseline | None = None, key: Signer = KEY
) -> Sweep:
    """Judge these hosts in one sweep, a day after the one before, and seal it."""
    judged_by, roster, started = baseline or tailored(), people(), NOW + timedelta(days=number)
    snapshot = to_bytes(judged_by)
    found = [_judged(desk, Assessor(judged_by, started, roster)) for desk in desks]
    planned = Sweep(
        id=new_sweep_id(started, f"{number:06x}"),
        started=timestamp(started),
        finished=None,
        baseline_id=judged_by.id,
        baseline_version=judged_by.version,
        baseline_digest=digest(snapshot),
        collector_digest="c" * 64,
        settings={"inventory": ["globex-and-acme.ini"], "limit": None},
        hosts=tuple(replace(host, state=HostState.PENDING, results=(), manifest=None) for host, _ in found),
        roster_digest=roster.digest,
    )
    with store.lock(planned.id):
        store.begin(planned, snapshot, roster.to_bytes())
        with store.writer() as writer:
            for host, blobs in found:
                writer.put(HostRecord(planned.id, host, blobs))
        seal_sweep(store, planned.id, timestamp(started + timedelta(minutes=20)), key)
    return store.sweep(planned.id)


def _judged(desk: Desk, assessor: Assessor) -> tuple[HostResult, dict[str, bytes]]:
    subject = Subject(desk.name, desk.groups, desk.unit)
    labels = {"client": desk.client, "process_unit": desk.unit, "owner": desk.owner}
    host = HostResult(desk.name, HostState.UNREACHABLE, labels=labels, groups=desk.groups)
    if desk.unreachable:
        results = assessor.not_reached(subject, desk.unreachable)
        return replace(host, reason="unreachable", message=desk.unreachable, results=results), {}
    assert assessor.roster is not None
    empty = Manifest(desk.name, Ended.CLOSED, {}, desk.absent, roster=assessor.roster.digest)
    sealed = seal(empty, {each.probe_id: each for each in desk.captures()})
    found = assessor.assess(subject, sealed.manifest, sealed.captures)
    judged = replace(
        host, state=found.state, reason=found.reason, message=found.message, system=found.system,
        duration=1.5, manifest=sealed.digest, results=found.results,
    )  # fmt: skip
    return judged, dict(sealed.blobs)


def both(store: Store, sweeps: int = 2) -> list[Sweep]:
    """Seal sweeps of both clients' hosts, and one of Globex's alone between the first two."""
    found = [sweep(store, (ACME[0], TILLS[0], *ACME[1:], TILLS[1]), 0)]
    sweep(store, TILLS, 1)
    return [*found, *(sweep(store, (*ACME, *TILLS), 1 + number) for number in range(1, sweeps))]


def packed(store: Store, path: Path, wanted: Wanted | None = None, key: Signer = KEY) -> Path:
    """Export a pack for Acme."""
    export(store, wanted or Wanted("acme"), Maker(MADE, key, (KEY.verifier,)), path)
    return path
