"""Reads a baseline: its folder, every rule in it, and a site's tailoring; returns nothing unless all of it is sound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hardencheck.baselines import document
from hardencheck.baselines.document import Document, KeyPath
from hardencheck.baselines.select import NothingMatches, narrow
from hardencheck.baselines.tailor import read_tailoring
from hardencheck.baselines.validate import check_value, conform, unfit
from hardencheck.errors import BaselineError
from hardencheck.model.baseline import Baseline, Expected, Remediation, Rule, Value
from hardencheck.model.expectation import Expectation, ExpectationError, near, regex, value_ids
from hardencheck.model.outcome import Level, Platform, Severity
from hardencheck.probes import all_probes
from hardencheck.resources import shipped

_THEME = re.compile(r"[a-z][a-z0-9-]*")
_BESIDE = ("baseline.yaml", "README.md")


@dataclass(frozen=True, slots=True)
class Source:
    """A baseline and its own files: baseline.yaml, and by the rule's id each rule's file that is not inherited."""

    baseline: Baseline
    head: Document
    rules: Mapping[str, Document]


def load(reference: str | Path, *tailoring: Path) -> Baseline:
    """Return a baseline by the id of a shipped one or the path of a folder, tailored by a site's files.

    Raises BaselineError, which names file, line and key, for whatever cannot be taken exactly as it is written.
    """
    baseline = read(reference).baseline
    return replace(baseline, tailoring=read_tailoring(tailoring, baseline)) if tailoring else baseline


def read(reference: str | Path, _heirs: tuple[Path, ...] = ()) -> Source:
    """Return a baseline without tailoring, together with its files; raises BaselineError."""
    folder = _folder(reference)
    head = document.read(folder / "baseline.yaml")
    conform(head, "baseline")
    parent = _parent(head, folder, _heirs)
    values = _values(head, parent)
    documents: dict[str, Document] = {}
    rules: list[Rule] = _inherited(head, parent, values) if parent else []
    for path in _rule_files(folder):
        found = document.read(path)
        rule = _rule(found, path, values)
        if rule.id in documents:
            raise found.error(f"{documents[rule.id].path} has the same id", ("id",), hint="one rule, one file")
        if rule.id in {each.id for each in rules}:
            raise found.error(f"{head.data['extends']} has a rule of this id", ("id",), hint="leave it out by select")
        documents[rule.id] = found
        rules.append(rule)
    if not rules:
        raise BaselineError("the baseline holds no rule", path=str(folder), hint="rules are <theme>/<rule-id>.yaml")
    baseline = Baseline(
        id=head.data["id"],
        title=head.data["title"],
        version=head.data["version"],
        values=values,
        rules=tuple(rules),
        references=head.data.get("references", {}),
        description=head.data.get("description", ""),
        level=Level(head.data.get("level", parent.level if parent else Level.EFFECTIVE)),
    )
    return Source(baseline, head, documents)


def _parent(head: Document, folder: Path, heirs: tuple[Path, ...]) -> Baseline | None:
    """Return the baseline that this one extends; a path is relative to this one's folder."""
    if "extends" not in head.data:
        for key in "select", "defaults":
            if key in head.data:
                raise head.error("belongs to a baseline that extends another", (key,), hint="extends: bpo-core")
        return None
    name = head.data["extends"]
    if folder.resolve() in heirs:
        raise head.error("extends itself, through what it extends", ("extends",))
    return read(folder / name if "/" in name else name, (*heirs, folder.resolve())).baseline


def _inherited(head: Document, parent: Baseline, values: Mapping[str, Value]) -> list[Rule]:
    """Return the rules that are taken over; each must be able to use the values as they are set here."""
    try:
        rules = list(narrow(parent, head.data.get("select", {})))
    except NothingMatches as error:
        raise head.error(str(error), ("select", error.kind, error.number)) from None
    defaults = {value.id: value.default for value in values.values()}
    for name in head.data.get("defaults", {}):
        for rule in (each.at(level) for each in rules for level in Level):
            if name in rule.values:
                _compiles(rule, defaults, head, ("defaults", name))
    return rules


def _folder(reference: str | Path) -> Path:
    """Find a baseline: a name without a slash is a shipped one first, a folder here second."""
    folder = Path(reference)
    own = shipped("baselines")
    if isinstance(reference, str) and folder.name == reference and (own / reference / "baseline.yaml").is_file():
        return own / reference
    if not folder.is_dir():
        names = near(str(reference), [path.parent.name for path in own.glob("*/baseline.yaml")])
        message = f"no shipped baseline and no folder has this name{names}"
        raise BaselineError(message, path=str(reference), hint="hardencheck baseline list")
    return folder


def _rule_files(folder: Path) -> Iterator[Path]:
    """Yield every rule's file by name; a file that would be silently left out is an error, hidden ones excepted."""
    for theme in _entries(folder):
        if theme.name.startswith(".") or theme.name in _BESIDE:
            continue
        if not theme.is_dir() or not _THEME.fullmatch(theme.name):
            raise BaselineError("is neither baseline.yaml nor a theme's folder", path=str(theme))
        for path in _entries(theme):
            if path.name.startswith("."):
                continue
            if path.suffix != ".yaml":
                raise BaselineError("is not a rule's file", path=str(path), hint="rules are <theme>/<rule-id>.yaml")
            yield path


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise BaselineError(f"cannot be read: {error.strerror}", path=str(folder)) from None


def _values(head: Document, parent: Baseline | None) -> dict[str, Value]:
    values = dict(parent.values) if parent else {}
    for name, default in head.data.get("defaults", {}).items():
        if name not in values:
            known = near(name, values)
            raise head.error(f"{head.data['extends']} has no such value{known}", ("defaults", name))
        check_value(values[name], default, head, ("defaults", name))
        values[name] = replace(values[name], default=default)
    for name, entry in head.data.get("values", {}).items():
        if name in values:
            raise head.error(f"{head.data['extends']} has this value", ("values", name), hint="set it in defaults")
        value = Value(name, entry["title"], entry["default"], entry["schema"])
        for at in ("schema",), ("schema", "items"):
            pattern = (value.schema if at == ("schema",) else value.schema.get("items", {})).get("pattern", "")
            try:
                regex(pattern, ("values", name, *at, "pattern"))
            except ExpectationError as error:
                raise head.error(str(error), error.path) from None
        check_value(value, value.default, head, ("values", name, "default"))
        values[name] = value
    return values


def _rule(found: Document, path: Path, values: Mapping[str, Value]) -> Rule:
    conform(found, "rule")
    data = found.data
    rule = Rule(
        id=data["id"],
        title=data["title"],
        severity=Severity(data["severity"]),
        platforms=tuple(Platform(name) for name in data["platforms"]),
        theme=path.parent.name,
        probe=data["probe"],
        expect=data["expect"],
        values=_reads(data["expect"], data["probe"]),
        rationale=data["rationale"],
        references={name: tuple(ids) for name, ids in data["references"].items()},
        remediation=Remediation(**data["remediation"]),
        examples={kind: tuple(examples) for kind, examples in data["examples"].items()},
        tags=tuple(data.get("tags", ())),
        since=data["since"],
        path=f"{path.parent.name}/{path.name}",
        levels={
            Level(level): Expected(
                written["expect"],
                _reads(written["expect"], data["probe"]),
                {kind: tuple(examples) for kind, examples in written["examples"].items()},
            )
            for level, written in data.get("levels", {}).items()
        },
    )
    _fits(rule, path.stem, found)
    defaults = {value.id: value.default for value in values.values()}
    _compiles(rule, defaults, found, ())
    for level in rule.levels:
        _compiles(rule.at(level), defaults, found, ("levels", level.value))
    return rule


def _reads(expect: Mapping[str, Any], probe_id: str) -> tuple[str, ...]:
    """Return the values that a rule reads: those of its expectation, and those of its probe."""
    probe = all_probes().get(probe_id)
    return tuple(sorted({*value_ids(expect), *(probe.parameters if probe else ())}))


def _compiles(rule: Rule, values: Mapping[str, Any], found: Document, at: KeyPath) -> None:
    """Raise BaselineError, which points below `at`, unless a rule can be judged by these values."""
    probe = all_probes()[rule.probe]
    for name in probe.parameters:
        if name not in values:
            raise found.error(f"{probe.id} reads the value {name}, which baseline.yaml does not have", (*at, "probe"))
        if trouble := unfit(name, values[name], probe):
            raise found.error(f"the value {name}: {trouble}", (*at, "probe"))
    try:
        Expectation(rule, probe.facts, values)
    except ExpectationError as error:
        raise found.error(str(error), (*at, *error.path)) from None


def _fits(rule: Rule, stem: str, found: Document) -> None:
    """Raise BaselineError unless id, file name, platform and probe agree with each other."""
    if rule.id != stem:
        raise found.error(f"must be the name of its file, {stem}", ("id",))
    probe = all_probes().get(rule.probe)
    if probe is None:
        raise found.error(f"there is no probe {rule.probe}{near(rule.probe, all_probes())}", ("probe",))
    if rule.platforms != (probe.platform,):
        raise found.error(f"must be [{probe.platform}], which {probe.id} asks", ("platforms",))
    if not rule.id.startswith(f"{probe.platform}-"):
        raise found.error(f"must begin with {probe.platform}-", ("id",))
