"""From what a sweep found to a plan: what playbooks will put right, and what is left to people, and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hardencheck.model.baseline import Baseline
from hardencheck.model.outcome import Outcome, Platform
from hardencheck.model.plan import Manual, Plan, Step
from hardencheck.model.playbook import Playbooks
from hardencheck.model.sweep import Sweep
from hardencheck.remediate.guard_windows import unkept


@dataclass(frozen=True, slots=True)
class Frame:
    """What a plan is called, and from when until when it holds (UTC, ISO 8601 with `Z`)."""

    id: str
    created: str
    expires: str


def make(
    frame: Frame,
    sweep: Sweep,
    baseline: Baseline,
    playbooks: Playbooks,
    waived: Collection[tuple[str, str]] = (),
) -> Plan:
    """Return the plan for the failures of a sweep that `waived` does not hold by host and rule.

    `baseline` is the one that the sweep was judged by; rules that it leaves out are not planned for. `playbooks` are
    those that its rules name.
    """
    rules = {rule.id: rule for rule in baseline.rules}
    steps: list[Step] = []
    manual: list[Manual] = []
    for host in sweep.hosts:
        values = baseline.values_for(host.host, host.groups)
        for result in host.results:
            rule = rules.get(result.rule_id)
            if rule is None or result.outcome is not Outcome.FAIL or (host.host, rule.id) in waived:
                continue
            book = playbooks.named.get(rule.remediation.playbook or "")
            if book is None:
                manual.append(Manual(host.host, rule.id, rule.remediation.text))
            elif unset := [name for name in book.needs if not values[name]]:
                text = f"Set {' and '.join(unset)} in the site's tailoring: {book.name} can do nothing without."
                manual.append(Manual(host.host, rule.id, text))
            elif host.platform is Platform.WINDOWS and (lost := unkept(book.touches)):
                text = f"ansible-playbook runs {book.name}; hardencheck apply could not put it back ({lost})"
                manual.append(Manual(host.host, rule.id, text))
            else:
                read_values = {name: values[name] for name in book.reads(values)}
                steps.append(Step(host.host, rule.id, book.name, rule.remediation.risk, read_values, result.message))
    touched = {step.playbook for step in steps}
    return Plan(
        frame.id,
        frame.created,
        frame.expires,
        sweep.id,
        sweep.baseline_id,
        sweep.baseline_version,
        sweep.baseline_digest,
        tuple(steps),
        playbooks.digest,
        tuple(manual),
        {name: book.touches for name, book in sorted(playbooks.named.items()) if name in touched},
    )
