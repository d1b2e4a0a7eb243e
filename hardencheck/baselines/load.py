"""Reads a baseline: its folder, every rule in it, and a site's tailoring; returns nothing unless all of it is sound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hardencheck.baselines import document
from hardencheck.baselines.document import Document
from hardencheck.baselines.tailor import read_tailoring
from hardencheck.baselines.validate import check_value, conform
from hardencheck.errors import BaselineError
from hardencheck.model.baseline import Baseline, Remediation, Rule, Value
from hardencheck.model.expectation import Expectation, ExpectationError, near, regex, value_ids
from hardencheck.model.outcome import Platform, Severity
from hardencheck.probes import all_probes
from hardencheck.resources import shipped

_THEME = re.compile(r"[a-z][a-z0-9-]*")
_BESIDE = ("baseline.yaml", "README.md")


@dataclass(frozen=True, slots=True)
class Source:
    """A baseline and the files that it was read from: baseline.yaml, and each rule's file by the rule's id."""

    baseline: Baseline
    head: Document
    rules: Mapping[str, Document]


def load(reference: str | Path, tailoring: Path | None = None) -> Baseline:
    """Return a baseline by the id of a shipped one or the path of a folder, tailored when a file is given.

    Raises BaselineError, which names file, line and key, for whatever cannot be taken exactly as it is written.
    """
    baseline = read(reference).baseline
    return replace(baseline, tailoring=read_tailoring(tailoring, baseline)) if tailoring else baseline


def read(reference: str | Path) -> Source:
    """Return a baseline without tailoring, together with its files; raises BaselineError."""
    folder = _folder(reference)
    head = document.read(folder / "baseline.yaml")
    conform(head, "baseline")
    values = _values(head)
    documents: dict[str, Document] = {}
    rules: list[Rule] = []
    for path in _rule_files(folder):
        found = document.read(path)
        rule = _rule(found, path, values)
        if rule.id in documents:
            raise found.error(f"{documents[rule.id].path} has the same id", ("id",), hint="one rule, one file")
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
    )
    return Source(baseline, head, documents)


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


def _values(head: Document) -> dict[str, Value]:
    values = {}
    for name, entry in head.data.get("values", {}).items():
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
        values=value_ids(data["expect"]),
        rationale=data["rationale"],
        references={name: tuple(ids) for name, ids in data["references"].items()},
        remediation=Remediation(**data["remediation"]),
        examples={kind: tuple(examples) for kind, examples in data["examples"].items()},
        tags=tuple(data.get("tags", ())),
        since=data["since"],
        path=f"{path.parent.name}/{path.name}",
    )
    _fits(rule, path.stem, found)
    defaults = {value.id: value.default for value in values.values()}
    try:
        Expectation(rule, all_probes()[rule.probe].facts, defaults)
    except ExpectationError as error:
        raise found.error(str(error), error.path) from None
    return rule


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
