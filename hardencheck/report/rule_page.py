"""One rule's page as text, and one probe's manual page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import dedent, fill, indent
from typing import Any

from hardencheck.model.baseline import Baseline, Remediation, Rule
from hardencheck.model.outcome import Level
from hardencheck.model.probe import Probe


def render(rule: Rule, baseline: Baseline) -> str:
    """Return the page of one rule, with the values that hold for everyone."""
    rule, everyone = rule.at(baseline.level), baseline.tailoring.everyone.values
    expected = "Expected" if rule.level is Level.EFFECTIVE else f"Expected at level {rule.level.value}"
    others = [level.value for level in (Level.EFFECTIVE, *rule.levels) if rule.levels and level is not rule.level]
    values = {name: everyone.get(name, baseline.values[name].default) for name in rule.values}
    parts = [
        f"{rule.id}  ({rule.severity.value}, {rule.theme}, {', '.join(rule.platforms)}, probe {rule.probe})",
        rule.title,
        _section("Why", _prose(rule.rationale)),
        _section(expected, _lines(rule.expect)),
        _section("Expected otherwise", f"rule show --level {others[0]}") if others else "",
        _section("Values", _lines(values)) if values else "",
        _section("Fix", _fix(rule.remediation)),
        _section("References", "\n".join(f"{name}: {', '.join(ids)}" for name, ids in rule.references.items())),
        _section("Examples", "\n".join(_examples(rule))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_probe(probe: Probe, manual: str) -> str:
    """Return the manual page of one probe: its docstring, its facts and its script."""
    facts = "\n".join(f"{name}: {json.dumps(dict(schema))}" for name, schema in probe.facts.items())
    limits = f"{probe.seconds} s, {probe.max_bytes} bytes, {'root' if probe.needs_root else 'any user'}"
    parts = [
        f"{probe.id}  ({limits})",
        dedent(manual).strip(),
        _section("Facts", facts),
        _section("Script", probe.script.strip()),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, body: str) -> str:
    return f"{title}\n{indent(body, '  ')}"


def _prose(text: str) -> str:
    return "\n".join(fill(line, 100) for line in text.strip().splitlines())


def _fix(remediation: Remediation) -> str:
    """Return how to fix it by hand, what that may break, and which playbook does it, or why none can."""
    parts = [_prose(remediation.text), f"risk: {remediation.risk}"]
    parts += [f"playbook: {remediation.playbook}"] if remediation.playbook else []
    parts += [_prose(f"by hand alone: {remediation.manual}")] if remediation.manual else []
    return "\n".join(parts)


def _lines(pairs: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {json.dumps(value)}" for name, value in pairs.items())


def _examples(rule: Rule) -> list[str]:
    return [f"{kind}: {json.dumps(dict(example))}" for kind in ("pass", "fail") for example in rule.examples[kind]]
