"""From steps to runs of playbooks: what may cut access comes last, and apart, so that it alone is under a timer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from hardencheck.model.plan import Step, Touches

#: the risks from the least to the greatest
RISKS = ("safe", "restarts-service", "reboot", "may-cut-access")
CUTS = "may-cut-access"


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts on which one playbook puts the same rules right; `values` are its variables by host."""

    playbook: str
    rules: tuple[str, ...]
    hosts: tuple[str, ...]
    values: Mapping[str, Mapping[str, Any]]


def phases(steps: Iterable[Step]) -> list[list[Step]]:
    """Return the steps that leave the way in open, then those that may cut it; no phase is empty.

    A playbook is not run in halves: when one of a host's rules may cut access, all that it serves there come last.
    """
    some = list(steps)
    cutting = {(step.host, step.playbook) for step in some if step.risk == CUTS}
    calm = [step for step in some if (step.host, step.playbook) not in cutting]
    last = [step for step in some if (step.host, step.playbook) in cutting]
    return [phase for phase in (calm, last) if phase]


def groups(steps: Iterable[Step]) -> list[Group]:
    """Return the runs of playbooks that these steps take, the least risky first."""
    some = list(steps)
    by_host: dict[tuple[str, str], list[Step]] = {}
    for step in some:
        by_host.setdefault((step.playbook, step.host), []).append(step)
    alike: dict[tuple[str, tuple[str, ...]], dict[str, Mapping[str, Any]]] = {}
    for (playbook, host), own in by_host.items():
        rules = tuple(sorted(step.rule_id for step in own))
        alike.setdefault((playbook, rules), {})[host] = own[0].values
    risk = {step.playbook: 0 for step in some}
    for step in some:
        risk[step.playbook] = max(risk[step.playbook], RISKS.index(step.risk))
    order = sorted(alike, key=lambda each: (risk[each[0]], *each))
    return [Group(playbook, rules, tuple(alike[playbook, rules]), alike[playbook, rules]) for playbook, rules in order]


def touched(steps: Iterable[Step], touches: Mapping[str, Touches]) -> Touches:
    """Return all that the playbooks of these steps may change, together."""
    books = [touches[name] for name in sorted({step.playbook for step in steps})]
    return reduce(or_, books)
