"""Tests a baseline by itself: every rule's examples, every leaf of a pass example, references, unused values.

`load` has refused by then whatever cannot be read or compiled; lint finds rules that can be judged, but not trusted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardencheck.baselines.document import Document, KeyPath, dotted
from hardencheck.baselines.load import Source, read
from hardencheck.baselines.playbooks import read_playbook
from hardencheck.errors import RemediationError
from hardencheck.model.baseline import Rule
from hardencheck.model.expectation import Expectation, near, validator, value_ids
from hardencheck.model.outcome import Level
from hardencheck.model.playbook import Playbook
from hardencheck.probes import all_probes

#: the frameworks that rules may refer to, and the shape of an id in each
FRAMEWORKS = {
    "disa-stig": r"[A-Z]{2,4}\d{0,2}-[A-Z0-9]{2}-\d{6}|WNFWA-\d{6}",
    "nist-800-53r5": r"[A-Z]{2}-\d{1,2}(\(\d{1,2}\))?",
    "nist-csf-2.0": r"(GV|ID|PR|DE|RS|RC)\.[A-Z]{2}(-\d{2})?",
    "pci-dss-4.0.1": r"\d{1,2}(\.\d{1,2}){1,4}",
    "iso-27001-2022": r"A\.[5-8]\.\d{1,2}",
    "cis-8.1": r"\d{1,2}\.\d{1,2}",
    "hipaa": r"164\.\d{3}(\([A-Za-z0-9]+\))*",
    "soc2": r"(CC|A|C|PI|P)\d\.\d{1,2}",
}
MIN_RATIONALE = 60

_Leaf = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a rule or a value: file, line, key and what."""

    path: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.key}: {self.message}"


def lint(reference: str | Path) -> list[Problem]:
    """Return what is wrong with a baseline, in the order of its files; raises BaselineError when it cannot be read."""
    source = read(reference)
    own = [rule for rule in source.baseline.rules if rule.id in source.rules]
    return [problem for rule in own for problem in _rule(rule, source)] + list(_unused(source))


def _problem(document: Document, path: KeyPath, message: str) -> Problem:
    return Problem(document.path, document.line(path), dotted(path), message)


def _rule(rule: Rule, source: Source) -> Iterator[Problem]:
    document = source.rules[rule.id]
    if rule.title.endswith("."):
        yield _problem(document, ("title",), "ends with a full stop; a title is not a sentence of prose")
    if len(rule.rationale) < MIN_RATIONALE:
        yield _problem(document, ("rationale",), f"says too little: fewer than {MIN_RATIONALE} characters")
    for message in _remediation(rule, source.baseline.values):
        yield _problem(document, ("remediation", "playbook"), message)
    yield from _references(rule, document)
    for at in (rule, *(rule.at(level) for level in rule.levels)):
        values = {name: source.baseline.values[name].default for name in at.values}
        expectation = Expectation(at, all_probes()[rule.probe].facts, values)
        yield from _examples(at, expectation, document, ("levels", at.level.value) if at is not rule else ())


def _remediation(rule: Rule, values: Collection[str]) -> Iterator[str]:
    if rule.remediation.playbook is None:
        return
    if rule.remediation.manual:
        yield "stands beside `manual`, which says that there can be none"
    try:
        playbook = read_playbook(rule.remediation.playbook)
    except RemediationError as error:
        yield error.message
        return
    if rule.id not in playbook.rules:
        yield f"has no task with the tag {rule.id}"
    expected = value_ids(rule.expect)
    for name in sorted(set(expected).difference(playbook.reads(expected))):
        yield f"does not speak of the value {name}: what is checked must be what is applied"
    for name in playbook.needs:
        if name not in values:
            yield f"needs a value that is not there: {name}{near(name, values)}"


def _references(rule: Rule, document: Document) -> Iterator[Problem]:
    for framework, ids in rule.references.items():
        shape = FRAMEWORKS.get(framework)
        if shape is None:
            yield _problem(document, ("references", framework), f"is no known framework{near(framework, FRAMEWORKS)}")
            continue
        for number, name in enumerate(ids):
            if not re.fullmatch(shape, name, re.ASCII):
                yield _problem(document, ("references", framework, number), f"{name!r} has not the form of its ids")


def _examples(rule: Rule, expectation: Expectation, document: Document, below: KeyPath) -> Iterator[Problem]:
    facts = all_probes()[rule.probe].facts
    # null is good only where a pass example of its own shows that it is meant
    nullable = {name for example in rule.examples["pass"] for name, value in example.items() if value is None}
    for kind, examples in rule.examples.items():
        for number, example in enumerate(examples):
            path: KeyPath = (*below, "examples", kind, number)
            if set(example) != set(rule.expect):
                yield _problem(document, path, f"must name exactly the facts of expect: {', '.join(rule.expect)}")
                continue
            wrong = [name for name in example if not validator(dict(facts[name])).is_valid(example[name])]
            if wrong:
                yield _problem(document, (*path, wrong[0]), f"{rule.probe} never yields such a fact")
            elif expectation.passes(example) != (kind == "pass"):
                told = "; ".join(each.sentence for each in expectation.failures(example)) or "it passes"
                yield _problem(document, path, f"does not {kind}: {told}")
            elif kind == "pass":
                for leaf, damage in _damaged(example, expectation):
                    if damage == "null" and len(leaf) == 1 and leaf[0] in nullable:
                        continue
                    yield _problem(document, (*path, *leaf), f"still passes when it is {damage}")


def _damaged(example: Mapping[str, Any], expectation: Expectation) -> Iterator[tuple[_Leaf, str]]:
    """Yield the leaves of a pass example that may be dropped or nulled without making it fail.

    Items of a list are nulled, not dropped: a shorter list is another observation, not a missing one.
    """
    for leaf in _leaves(example):
        for damage in ("dropped", "null"):
            damaged = deepcopy(dict(example))
            at: Any = damaged
            for step in leaf[:-1]:
                at = at[step]
            if damage == "null":
                at[leaf[-1]] = None
            elif isinstance(at, dict):
                del at[leaf[-1]]
            else:
                continue
            if expectation.passes(damaged):
                yield leaf, damage


def _leaves(value: Any, at: _Leaf = ()) -> Iterator[_Leaf]:
    """Yield the path of every part of an example, inner nodes too."""
    if at:
        yield at
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _leaves(part, (*at, key))


def _unused(source: Source) -> Iterator[Problem]:
    used = {name for rule in source.baseline.rules for level in Level for name in rule.at(level).values}
    playbooks = list(_playbooks(source))
    for name in source.head.data.get("values", {}):
        if name not in used and not any(playbook.reads([name]) for playbook in playbooks):
            yield _problem(source.head, ("values", name), "is used by no rule and no playbook")


def _playbooks(source: Source) -> Iterator[Playbook]:
    """Yield the playbooks that rules name; one that cannot be read is told at its rule."""
    for name in sorted({rule.remediation.playbook for rule in source.baseline.rules if rule.remediation.playbook}):
        with suppress(RemediationError):
            yield read_playbook(name)
