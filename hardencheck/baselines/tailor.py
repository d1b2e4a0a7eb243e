"""Reads a site's tailoring: values, and rules that are not selected, for everyone, a group or a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hardencheck.baselines import document
from hardencheck.baselines.document import Document, KeyPath
from hardencheck.baselines.validate import check_value, conform
from hardencheck.model.baseline import Baseline, Tailoring, TailoringScope
from hardencheck.model.expectation import Expectation, ExpectationError, near
from hardencheck.probes import all_probes


def read_tailoring(path: Path, baseline: Baseline) -> Tailoring:
    """Return the tailoring in this file; raises BaselineError when it does not fit the baseline in every detail."""
    found = document.read(path)
    conform(found, "tailoring")
    everyone = _scope(found, (), baseline)
    if set(everyone.deselect) == {rule.id for rule in baseline.rules}:
        raise found.error("deselects every rule of the baseline", ("deselect",), hint="keep at least one")
    groups = {name: _scope(found, ("groups", name), baseline) for name in found.data.get("groups", {})}
    hosts = {name: _scope(found, ("hosts", name), baseline) for name in found.data.get("hosts", {})}
    return Tailoring(everyone, groups, hosts)


def _scope(found: Document, at: KeyPath, baseline: Baseline) -> TailoringScope:
    data: Any = found.data
    for step in at:
        data = data[step]
    values, deselect = data.get("values", {}), data.get("deselect", {})
    for name, given in values.items():
        where = (*at, "values", name)
        if name not in baseline.values:
            raise found.error(f"{baseline.id} has no such value{near(name, baseline.values)}", where)
        check_value(baseline.values[name], given, found, where)
        _compile(baseline, name, given, found, where)
    for rule_id in deselect:
        if rule_id not in {rule.id for rule in baseline.rules}:
            names = near(rule_id, [rule.id for rule in baseline.rules])
            raise found.error(f"{baseline.id} has no such rule{names}", (*at, "deselect", rule_id))
    return TailoringScope(values, deselect)


def _compile(baseline: Baseline, name: str, given: Any, found: Document, where: KeyPath) -> None:
    """Raise BaselineError when a rule that reads this value could not be judged by it."""
    values = {value.id: value.default for value in baseline.values.values()} | {name: given}
    for rule in baseline.rules:
        if name in rule.values:
            try:
                Expectation(rule, all_probes()[rule.probe].facts, values)
            except ExpectationError as error:
                raise found.error(f"the rule {rule.id} cannot use it: {error.key}: {error}", where) from None
