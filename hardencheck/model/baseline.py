"""Requirements: values, rules and the baseline that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hardencheck.model.outcome import Level, Platform, Severity


@dataclass(frozen=True, slots=True)
class Value:
    """A named threshold: its default and the JSON Schema that a tailored value must meet."""

    id: str
    title: str
    default: Any
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remediation:
    """How to fix what a rule finds: text for people, a playbook for `plan`, and what the change may break.

    `risk` is one of `safe`, `restarts-service`, `may-cut-access`, `reboot`. `manual` says why there is no playbook.
    """

    text: str
    playbook: str | None = None
    risk: str = "safe"
    manual: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a rule expects at a level of its own, instead of its `expect`, `values` and `examples`."""

    expect: Mapping[str, Any]
    values: tuple[str, ...]
    examples: Mapping[str, tuple[Mapping[str, Any], ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement, as its YAML file says it.

    `expect` maps a fact's name to a JSON Schema that may hold `{$value: id}`; `values` are the ids that it reads, and
    those that its probe reads. `levels` holds what is expected instead at other levels; `level` is the one that
    `expect` belongs to. `theme` is the folder. `path` is the file, relative to the baseline.
    """

    id: str
    title: str
    severity: Severity
    platforms: tuple[Platform, ...]
    theme: str
    probe: str
    expect: Mapping[str, Any]
    values: tuple[str, ...]
    rationale: str
    references: Mapping[str, tuple[str, ...]]
    remediation: Remediation
    examples: Mapping[str, tuple[Mapping[str, Any], ...]]
    tags: tuple[str, ...] = ()
    since: str = ""
    path: str = ""
    levels: Mapping[Level, Expected] = field(default_factory=dict)
    level: Level = Level.EFFECTIVE

    def at(self, level: Level) -> Rule:
        """Return the rule as it is judged at a level: its own expectation there if it has one, else itself."""
        if level not in self.levels:
            return self
        found = self.levels[level]
        return replace(self, expect=found.expect, values=found.values, examples=found.examples, level=level)


@dataclass(frozen=True, slots=True)
class TailoringScope:
    """What a tailoring changes for everyone, one group or one host: values, and rules not selected (id -> reason)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    deselect: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tailoring:
    """A site's changes to values and selection; host beats group beats everyone, a later group beats an earlier one."""

    everyone: TailoringScope = field(default_factory=TailoringScope)
    groups: Mapping[str, TailoringScope] = field(default_factory=dict)
    hosts: Mapping[str, TailoringScope] = field(default_factory=dict)

    def scope_for(self, host: str, groups: tuple[str, ...]) -> TailoringScope:
        """Return the merged changes for one host; `groups` run from the most general to the most specific."""
        scopes = [self.everyone]
        scopes += [self.groups[group] for group in groups if group in self.groups]
        scopes += [self.hosts[host]] if host in self.hosts else []
        values: dict[str, Any] = {}
        deselect: dict[str, str] = {}
        for scope in scopes:
            values.update(scope.values)
            deselect.update(scope.deselect)
        return TailoringScope(values, deselect)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A named, versioned set of rules and values; a site's tailoring and the level are applied at judging time."""

    id: str
    title: str
    version: str
    values: Mapping[str, Value]
    rules: tuple[Rule, ...]
    references: Mapping[str, str] = field(default_factory=dict)
    tailoring: Tailoring = field(default_factory=Tailoring)
    description: str = ""
    level: Level = Level.EFFECTIVE

    def values_for(self, host: str, groups: tuple[str, ...]) -> dict[str, Any]:
        """Return every value as it holds for one host; `groups` run from the most general to the most specific."""
        tailored = self.tailoring.scope_for(host, groups).values
        return {name: tailored.get(name, value.default) for name, value in self.values.items()}

    def rule(self, rule_id: str) -> Rule:
        """Return the rule with this id; raises KeyError."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)
