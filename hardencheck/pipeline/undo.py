"""Takes a run of `apply` back: hosts put back what they had copied, the newest change first, and a sweep looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from hardencheck.errors import HardencheckError, UsageError
from hardencheck.evidence import audit
from hardencheck.model.audit import Act
from hardencheck.model.codec import canonical
from hardencheck.model.snapshot import Settled, Snapshot, Undone
from hardencheck.model.sweep import Sweep
from hardencheck.pipeline.apply import Means
from hardencheck.pipeline.sweep import timestamp
from hardencheck.storage import Store


@dataclass(frozen=True, slots=True)
class Guarded:
    """What one guard holds: by host what was there before, and how the run had left it (None: that is not known).

    `sweep` is the one that the plan was made from.
    """

    name: str
    plan: str
    sweep: str
    hosts: Mapping[str, tuple[Snapshot, Settled | None]]


@dataclass(slots=True)
class Undoing:
    """What came of it: by host the answers of its guards, newest first, and the sweep that looked afterwards."""

    answers: dict[str, list[Undone | HardencheckError]] = field(default_factory=dict)
    sweep: Sweep | None = None

    @property
    def whole(self) -> bool:
        """Whether everything was put back."""
        return all(isinstance(each, Undone) and each.cleared for some in self.answers.values() for each in some)


def guarded(store: Store, run: str) -> list[Guarded]:
    """Return what the guards of a run hold and no undo has put back yet, the newest first.

    Raises UsageError when the store knows no such run, EvidenceError when its records cannot be read.
    """
    copies: dict[str, tuple[str, dict[str, Snapshot]]] = {}
    settled: dict[str, dict[str, Settled]] = {}
    undone: set[tuple[str, str]] = set()
    sweep = ""
    for entry in audit.read(store):
        record = entry.record
        if record.get("run") != run:
            continue
        if entry.act is Act.APPROVE:
            sweep = record["sweep"]
        elif entry.act is Act.PREPARE:
            found = {name: Snapshot.from_bytes(canonical(each)) for name, each in record["hosts"].items()}
            copies[record["guard"]] = record["plan"], found
        elif entry.act is Act.APPLY and "settled" in record:
            settled[record["guard"]] = {
                name: Settled.from_bytes(canonical(each)) for name, each in record["settled"].items()
            }
        elif entry.act is Act.UNDO:
            undone |= {(record["guard"], name) for name, each in record["hosts"].items() if each["whole"]}
    if not sweep:
        raise UsageError(f"{run}: the store knows no such run", hint="hardencheck audit lists them")
    return [
        Guarded(
            name,
            plan,
            sweep,
            {
                host: (each, settled.get(name, {}).get(host))
                for host, each in found.items()
                if (name, host) not in undone
            },
        )
        for name, (plan, found) in reversed(copies.items())
    ]


def undo(held: list[Guarded], store: Store, means: Means, *, force: bool) -> Undoing:
    """Put back what the guards of a run hold on the hosts of `means`; the store's lock must be held."""
    done = Undoing()
    for each in held:
        hosts = {means.hosts[name]: pair for name, pair in each.hosts.items() if name in means.hosts}
        answers = {host.name: answer for host, answer in means.guards.undo(each.name, hosts, force=force).items()}
        for name, answer in answers.items():
            done.answers.setdefault(name, []).append(answer)
        told = {
            name: {"whole": answer.cleared, **asdict(answer)}
            if isinstance(answer, Undone)
            else {"whole": False, "error": answer.message}
            for name, answer in answers.items()
        }
        if told:
            record = {"plan": each.plan, "run": means.run, "guard": each.name, "hosts": told}
            audit.write(store, Act.UNDO, record, (timestamp(datetime.now(UTC)), means.by), means.signer)
    if done.answers:
        done.sweep = means.look([means.hosts[name] for name in done.answers])
    return done
