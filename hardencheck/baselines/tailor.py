"""Reads a site's tailoring: values, and rules that are not selected, for everyone, a group or a host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hardencheck.baselines import document
from hardencheck.baselines.document import Document, KeyPath
from hardencheck.baselines.validate import check_value, conform, unfit
from hardencheck.model.baseline import Baseline, Tailoring, TailoringScope
from hardencheck.model.expectation import Expectation, ExpectationError, near
from hardencheck.model.outcome import Level
from hardencheck.probes import all_probes


def read_tailoring(paths: Sequence[Path], baseline: Baseline) -> Tailoring:
    """Return the tailoring in these files together; the same thing said for the same scope by two of them is refused.

    Raises BaselineError when a file does not fit the baseline in every detail.
    """
    found = [document.read(path) for path in paths]
    for each in found:
        conform(each, "tailoring")
    everyone = _together(found, (), baseline)
    if set(everyone.deselect) == {rule.id for rule in baseline.rules}:
        raise found[0].error("deselects every rule of the baseline", ("deselect",), hint="keep at least one")
    scopes = {
        kind: {name: None for each in found for name in each.data.get(kind, {})}  # in the order of the files
        for kind in ("groups", "hosts")
    }
    groups, hosts = (
        {name: _together(found, (kind, name), baseline) for name in names} for kind, names in scopes.items()
    )
    return Tailoring(everyone, groups, hosts)


def _together(found: Sequence[Document], at: KeyPath, baseline: Baseline) -> TailoringScope:
    """Return what all files say for one scope."""
    values: dict[str, Any] = {}
    deselect: dict[str, str] = {}
    said: dict[KeyPath, Document] = {}
    for each in found:
        data = each.data
        for step in at:
            data = data.get(step, {})
        scope = _scope(each, at, baseline) if data else TailoringScope()
        for kind, names in (("values", scope.values), ("deselect", scope.deselect)):
            for name in names:
                where = (*at, kind, name)
                if where in said:
                    first = said[where]
                    raise each.error(f"is also in {first.path}:{first.line(where)}", where, hint="say it in one file")
                said[where] = each
        values.update(scope.values)
        deselect.update(scope.deselect)
    return TailoringScope(values, deselect)


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
    """Raise BaselineError when a rule that reads this value could not be judged by it, at any level."""
    values = {value.id: value.default for value in baseline.values.values()} | {name: given}
    for rule in (each.at(level) for each in baseline.rules for level in Level):
        if name in rule.values:
            probe = all_probes()[rule.probe]
            if trouble := unfit(name, given, probe):
                raise found.error(trouble, where)
            try:
                Expectation(rule, probe.facts, values)
            except ExpectationError as error:
                raise found.error(f"the rule {rule.id} cannot use it: {error.key}: {error}", where) from None
