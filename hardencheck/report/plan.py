"""A plan of remediation on the screen: what will be changed where, what it may break, and what is left to people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from hardencheck.model.plan import Manual, Plan, Step, Touches
from hardencheck.report.escape import term
from hardencheck.report.screen import counted, indented, names

#: so many items of a list are shown
_ITEMS = 6
RISKS = {
    "safe": "safe while people work",
    "restarts-service": "restarts a service",
    "may-cut-access": "may cut people off",
    "reboot": "needs a restart of the host",
}


def render(plan: Plan) -> str:
    """Return the plan as text: by playbook, then what no playbook puts right."""
    count = f"{counted(len(plan.steps), 'failure')} on {counted(len(plan.hosts), 'host')}"
    lines = [f"plan {plan.id}  sweep {plan.sweep}  baseline {plan.baseline_id} {plan.baseline_version}"]
    lines.append(f"{count} to be put right, {len(plan.manual)} left to people; the plan ends on {plan.expires}")
    steps = sorted(plan.steps, key=lambda step: (step.playbook, step.rule_id))
    for book, some in groupby(steps, key=lambda step: step.playbook):
        lines += ["", book, *_touches(plan.touches[book])]
        for rule_id, same in groupby(some, key=lambda step: step.rule_id):
            lines += _rule(rule_id, list(same))
    return "\n".join([*lines, *_manual(plan.manual)]) + "\n"


def _rule(rule_id: str, steps: list[Step]) -> list[str]:
    lines = [f"  {rule_id}: {names([step.host for step in steps])} ({RISKS[steps[0].risk]})"]
    told = {_values(step.values): step.host for step in steps}
    for values, host in told.items():
        if values:
            lines += indented(values if len(told) == 1 else f"{host}: {values}", 4)
    return lines


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    """Return a value as JSON, a long list cut: the plan's file has all of it."""
    if isinstance(value, list) and len(value) > _ITEMS:
        return f"{json.dumps(value[:_ITEMS], ensure_ascii=False)[:-1]}, ... {len(value) - _ITEMS} more]"
    return json.dumps(value, ensure_ascii=False)


def _touches(touches: Touches) -> list[str]:
    lists = (touches.files, touches.services, touches.registry, touches.policies)
    words = [each for some in lists for each in some]
    words += ["installs packages"] if touches.packages else []
    words += ["locks or expires accounts"] if touches.accounts else []
    lines = indented(f"may change {', '.join(words)}", 2)
    return lines + (indented(f"cannot be undone: {touches.irreversible}", 2) if touches.irreversible else [])


def _manual(manual: Iterable[Manual]) -> list[str]:
    lines: list[str] = []
    for rule_id, same in groupby(sorted(manual, key=lambda each: each.rule_id), key=lambda each: each.rule_id):
        some = list(same)
        lines += [f"  {rule_id}: {names([each.host for each in some])}", *indented(term(some[0].text), 4)]
    return ["", "Left to people", *lines] if lines else []
