"""Applies a plan wave by wave: hosts copy what is there, playbooks change it, a new connection keeps it, a sweep looks.

Only what a fresh sweep passes counts as done. The first wave with a host that is not as planned is the last one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hardencheck.errors import HardencheckError, RemediationError
from hardencheck.evidence import audit
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.secrets import secret_in
from hardencheck.model.applied import Applied, HostOutcome, Wave
from hardencheck.model.audit import Act
from hardencheck.model.capture import digest
from hardencheck.model.codec import loads
from hardencheck.model.host import Host
from hardencheck.model.outcome import Outcome
from hardencheck.model.plan import Plan, Step
from hardencheck.model.remediation import Change, HostRun, RunState
from hardencheck.model.snapshot import Settled, Snapshot
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.guarding import Guards, Touched
from hardencheck.pipeline.sweep import timestamp
from hardencheck.remediate.jobs import CUTS, groups, phases, touched
from hardencheck.remediate.runner import Job, Runner
from hardencheck.storage import Store

#: playbooks have ended so many seconds before hosts take their changes back: else they would go on changing afterwards
MARGIN = 15
#: so many things that a host did not take back are named
_NAMES = 5


@dataclass(frozen=True, slots=True)
class Means:
    """What a plan is applied or taken back with: the run's id, the hosts, how they are reached, and who has it done.

    `timer` is how many seconds a host waits for a new connection before it takes back what may have cut it off.
    """

    run: str
    hosts: Mapping[str, Host]
    runner: Runner
    guards: Guards
    look: Callable[[Sequence[Host]], Sweep]
    by: str
    signer: Signer
    timer: int
    say: Callable[[str], None]


def done_since(plan: Plan, store: Store) -> set[tuple[str, str]]:
    """Return the steps, by host and rule, that a sweep after the plan's has passed."""
    done: set[tuple[str, str]] = set()
    for name in plan.hosts:
        newest = store.host(name)
        if newest is not None and newest[0] != plan.sweep:
            passed = {result.rule_id for result in newest[1].results if result.outcome is Outcome.PASS}
            done |= {(step.host, step.rule_id) for step in plan.steps if step.host == name and step.rule_id in passed}
    return done


def preview(plan: Plan, means: Means) -> dict[str, list[HostRun]]:
    """Return by host what each playbook would change; nothing is changed."""
    found: dict[str, list[HostRun]] = {}
    for job in _jobs(plan.steps, means):
        for name, run in means.runner.run(job, check=True).items():
            found.setdefault(name, []).append(replace(run, changes=tuple(map(_without_secrets, run.changes))))
    return found


def approve(plan: Plan, content: bytes, waves: Sequence[Sequence[str]], store: Store, means: Means) -> None:
    """Seal that somebody had a plan, whose file has this content, applied to hosts in these waves."""
    record = {
        "plan": plan.id,
        "plan_digest": digest(content),
        "sweep": plan.sweep,
        "run": means.run,
        "waves": [list(wave) for wave in waves],
        "timer": means.timer,
    }
    audit.write(store, Act.APPROVE, record, (timestamp(datetime.now(UTC)), means.by), means.signer)


def apply(
    plan: Plan, waves: Sequence[Sequence[str]], store: Store, means: Means, on_wave: Callable[[Wave], None]
) -> Applied:
    """Apply a plan to its hosts, split into waves; the store's lock must be held. Every act is sealed as it is done.

    `on_wave` hears of each wave when it has been looked at.
    """
    done = done_since(plan, store)
    applied = Applied(means.run, plan.id)
    for number, names in enumerate(waves, 1):
        steps = [step for step in plan.steps if step.host in names and (step.host, step.rule_id) not in done]
        left = [name for name in names if any(step.host == name for step in steps)]
        applied.before += tuple(name for name in names if name not in left)
        if applied.waves and not applied.waves[-1].verified:
            applied.untouched += tuple(left)
        elif left:
            means.say(f"wave {number}: {', '.join(left)}")
            applied.waves.append(_Running(plan, number, store, means).wave(left, steps))
            on_wave(applied.waves[-1])
    return applied


@dataclass(slots=True)
class _Running:
    """One wave while it is applied."""

    plan: Plan
    number: int
    store: Store
    means: Means
    #: by host, what went wrong, and what was changed
    wrong: dict[str, str] = field(default_factory=dict)
    #: hosts that nothing more is run on
    lost: set[str] = field(default_factory=set)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    reverted: set[str] = field(default_factory=set)

    def wave(self, names: Sequence[str], steps: Sequence[Step]) -> Wave:
        before = {name: self.store.host(name) for name in names}
        for phase, some in enumerate(phases(steps), 1):
            todo = [step for step in some if step.host not in self.lost]
            self._phase(f"{self.means.run}-{self.number}-{phase}", todo)
        sweep = self.means.look([self.means.hosts[name] for name in names])
        results = {host.host: host for host in sweep.hosts}
        outcomes = tuple(
            self._outcome(name, [step.rule_id for step in steps if step.host == name], results[name], before[name])
            for name in names
        )
        self._seal(Act.APPLY, {"sweep": sweep.id, "hosts": {each.host: _told(each) for each in outcomes}})
        return Wave(self.number, outcomes, sweep.id)

    def _phase(self, guarded: str, steps: list[Step]) -> None:
        """Change what these steps change: all hosts copy first, and those that could not are left alone."""
        timer = self.means.timer if any(step.risk == CUTS for step in steps) else None
        names = dict.fromkeys(step.host for step in steps)
        touches = {
            self.means.hosts[name]: touched([step for step in steps if step.host == name], self.plan.touches)
            for name in names
        }
        if not touches:
            return
        until = None if timer is None else time.monotonic() + timer - MARGIN
        begun = self.means.guards.begin(guarded, touches, timer)
        ready = {host: each for host, each in begun.items() if isinstance(each, Snapshot)}
        self._note(begun, "nothing was changed: ")
        copies = {host.name: loads(each.to_bytes()) for host, each in ready.items()}
        self._seal(Act.PREPARE, {"guard": guarded, "timer": timer, "hosts": copies})
        for job in _jobs([step for step in steps if step.host in copies], self.means):
            self._play(job, until)
        self._keep(guarded, {host: touches[host] for host in ready}, timer, ready)

    def _play(self, job: Job, until: float | None) -> None:
        """Run one playbook on the hosts that are not lost; it ends before they take its changes back."""
        job = replace(job, hosts=tuple(host for host in job.hosts if host.name not in self.lost))
        left = None if until is None else until - time.monotonic()
        if not job.hosts:
            return
        try:
            if left is not None and left <= 0:
                raise RemediationError("it was not run: no time was left; a longer --revert-after gives more")
            runs = self.means.runner.run(job, check=False, within=left)
        except RemediationError as error:
            for host in job.hosts:
                self._wrong(host.name, f"{job.playbook}: {error.message}")
            self.lost |= {host.name for host in job.hosts}
            return
        for name, run in runs.items():
            self.changes.setdefault(name, []).extend(run.changes)
            if run.state is not RunState.OK:
                self._wrong(name, f"{job.playbook}: {run.state.value}: {run.message}")
                # one that has refused the host has changed nothing, and the others do not need it
                if run.changes or run.state is RunState.UNREACHABLE:
                    self.lost.add(name)

    def _keep(self, guarded: str, hosts: Touched, timer: int | None, before: Mapping[Host, Snapshot]) -> None:
        """Have what was changed kept, by new connections; a host that cannot be reached is waited for."""
        kept = self.means.guards.confirm(guarded, hosts)
        lost = {host: hosts[host] for host, each in kept.items() if isinstance(each, HardencheckError)}
        if lost and timer is not None:
            names = ", ".join(host.name for host in lost)
            self.means.say(f"{names}: no new connection; waiting up to {timer} s for the change to be taken back")
            kept |= self.means.guards.await_return(guarded, lost, timer)
        self._note(kept, "after the change: ")
        settled = {host.name: each for host, each in kept.items() if isinstance(each, Settled)}
        for host, each in kept.items():
            if isinstance(each, Settled) and each.outcome == "reverted":
                self.reverted.add(host.name)
                left = before[host].state.other_settings(each.state)
                but = f"; not seen to be as before: {', '.join(left[:_NAMES])}" if left else ""
                self._wrong(host.name, f"it could not be reached after the change, and took it back by itself{but}")
        self._seal(
            Act.APPLY, {"guard": guarded, "settled": {name: loads(each.to_bytes()) for name, each in settled.items()}}
        )

    def _note(self, answers: Mapping[Host, object], when: str) -> None:
        for host, each in answers.items():
            if isinstance(each, HardencheckError):
                self._wrong(host.name, f"{when}{each.message}")
                self.lost.add(host.name)

    def _wrong(self, name: str, what: str) -> None:
        self.wrong[name] = f"{self.wrong[name]}; {what}" if name in self.wrong else what

    def _outcome(
        self, name: str, rules: Sequence[str], now: HostResult, before: tuple[str, HostResult] | None
    ) -> HostOutcome:
        results = {result.rule_id: result for result in now.results}
        passed = {each.rule_id for each in before[1].results if each.outcome is Outcome.PASS} if before else set()
        bad = (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.NOTCHECKED)
        broken = [each for each in now.results if each.rule_id in passed and each.outcome in bad]
        closed = tuple(rule for rule in rules if rule in results and results[rule].outcome is Outcome.PASS)
        left = tuple(
            (rule, f"{results[rule].outcome.value}: {results[rule].message}" if rule in results else now.message)
            for rule in rules
            if rule not in closed
        )
        return HostOutcome(
            name,
            closed,
            left,
            tuple((each.rule_id, f"{each.outcome.value}: {each.message}") for each in broken),
            self.wrong.get(name, ""),
            name in self.reverted,
            tuple(self.changes.get(name, ())),
        )

    def _seal(self, act: Act, record: dict[str, Any]) -> None:
        whole = {"plan": self.plan.id, "run": self.means.run, "wave": self.number, **record}
        audit.write(self.store, act, whole, (timestamp(datetime.now(UTC)), self.means.by), self.means.signer)


def _jobs(steps: Iterable[Step], means: Means) -> list[Job]:
    return [
        Job(each.playbook, each.rules, tuple(means.hosts[name] for name in each.hosts), each.values)
        for each in groups(steps)
    ]


def _without_secrets(change: Change) -> Change:
    """Return a change without its content where that holds a secret."""
    kind = secret_in(f"{change.before}\n{change.after}".encode("utf-8", "backslashreplace"))
    return replace(change, before="", after=f"(what looks like {kind} is not shown)") if kind else change


def _told(outcome: HostOutcome) -> dict[str, Any]:
    """Return what is sealed of a host's outcome; of what was changed where and by which task, not the content."""
    return {
        "closed": list(outcome.closed),
        "left": dict(outcome.left),
        "broken": dict(outcome.broken),
        "message": outcome.message,
        "reverted": outcome.reverted,
        "changes": [{"task": each.task, "where": each.where, "rules": list(each.rules)} for each in outcome.changes],
    }
