"""All rules on one host: what its captures say, judged by the baseline as it is tailored for this host.

The same function serves a sweep and `rejudge`: it knows no clock, no network and no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hardencheck.evaluate.judge import judge, unjudged
from hardencheck.evaluate.observe import observe, privilege
from hardencheck.model.baseline import Baseline, Rule, TailoringScope
from hardencheck.model.capture import Capture, Ended
from hardencheck.model.expectation import Expectation
from hardencheck.model.manifest import Manifest
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import HostState, Outcome, Platform
from hardencheck.model.probe import Context, System
from hardencheck.model.result import RuleResult
from hardencheck.model.roster import Roster
from hardencheck.probes import PLATFORM_PROBES, all_probes
from hardencheck.probes.linux import platform as linux
from hardencheck.probes.windows import platform as windows

#: how many observations, and how many results, are kept for hosts with identical captures
KEPT = 5000

ENDED = {
    Ended.DEADLINE: "the host used up its total time",
    Ended.IDLE: "the host sent nothing for too long",
    Ended.FLOOD: "the host sent more bytes than one host may send",
    Ended.LOST: "the connection was lost",
}


#: how the facts of a platform's own probe become the `System` that the other parsers know
SYSTEMS = {Platform.LINUX: linux.system, Platform.WINDOWS: windows.system}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is judged: a host's name, its groups from general to specific, its process unit, and its platform."""

    name: str
    groups: tuple[str, ...] = ()
    unit: str = ""
    platform: Platform = Platform.LINUX


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was learned of one host: how far the look got and every rule's result."""

    state: HostState
    reason: str
    message: str
    system: str
    epoch: int | None
    results: tuple[RuleResult, ...]


@dataclass(slots=True)
class _Heard:
    """One host while it is judged: what came from it, and its system once that is read."""

    subject: Subject
    manifest: Manifest
    captures: Mapping[str, Capture]
    scope: TailoringScope
    system: System = field(default_factory=System)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A rule with the values of one scope, which `key` is written from; `values` are those that its probe takes."""

    expectation: Expectation
    key: str
    values: Mapping[str, Any]


@dataclass
class Assessor:
    """Judges hosts of one sweep; keeps what identical captures have already told.

    `now` is the sweep's start: ages are computed against it, so that judging again gives the same bytes.
    """

    baseline: Baseline
    now: datetime
    roster: Roster | None = None
    _observations: dict[tuple[str, str, str, str, System], Observation] = field(default_factory=dict)
    _results: dict[tuple[str, str, str, str, System], RuleResult] = field(default_factory=dict)
    _expectations: dict[tuple[str, str], _Asked] = field(default_factory=dict)

    def assess(self, subject: Subject, manifest: Manifest, captures: Mapping[str, Capture]) -> Assessment:
        """Judge every rule of the baseline on one host's captures."""
        heard = _Heard(subject, manifest, captures, self._scope(subject))
        about = self._observe(PLATFORM_PROBES[subject.platform], heard, {})
        heard.system = system = SYSTEMS[subject.platform](about)
        state, reason, message = _state(manifest, captures, system)
        if state is HostState.UNREACHABLE:
            return Assessment(state, reason, message, "", None, self.not_reached(subject, message))
        rules = self._rules(subject.platform)
        results = tuple(self._result(rule, heard) for rule in rules)
        if not rules and state is HostState.REACHED:
            state, reason = HostState.PARTIAL, "no_rule"
            message = f"the baseline has no rule for {subject.platform.value.capitalize()}"
        return Assessment(state, reason, message, str(about.facts.get("pretty", "")), about.facts.get("epoch"), results)

    def not_reached(self, subject: Subject, message: str) -> tuple[RuleResult, ...]:
        """Return the results of a host that nothing was collected from: every rule is notchecked."""
        said, scope = f"host not reached: {message}", self._scope(subject)
        return tuple(
            self._unasked(rule, scope) or unjudged(rule, Outcome.NOTCHECKED, said)
            for rule in self._rules(subject.platform)
        )

    def _scope(self, subject: Subject) -> TailoringScope:
        return self.baseline.tailoring.scope_for(subject.name, subject.groups)

    def _unasked(self, rule: Rule, scope: TailoringScope) -> RuleResult | None:
        """Return the result of a rule that the site left out for this host; None for one that is asked."""
        if rule.id in scope.deselect:
            return unjudged(rule, Outcome.NOTSELECTED, scope.deselect[rule.id])
        if self.roster is None and all_probes()[rule.probe].reads_roster:
            return unjudged(rule, Outcome.NOTSELECTED, "no roster was given (hardencheck sweep --roster FILE)")
        return None

    def _rules(self, platform: Platform) -> list[Rule]:
        return [rule.at(self.baseline.level) for rule in self.baseline.rules if platform in rule.platforms]

    def _result(self, rule: Rule, heard: _Heard) -> RuleResult:
        if unasked := self._unasked(rule, heard.scope):
            return unasked
        if heard.system.foreign:
            said = f"{heard.subject.name} runs {heard.system.foreign}, not {heard.subject.platform.value.capitalize()}"
            return unjudged(rule, Outcome.NOTAPPLICABLE, said)
        asked = self._asked(rule, heard.scope)
        evidence = heard.manifest.sections.get(rule.probe)
        if evidence is None:
            return judge(rule, asked.expectation, self._observe(rule.probe, heard, asked.values), None)
        key = (rule.id, asked.key, evidence, heard.subject.unit, heard.system)
        if key not in self._results:
            _make_room(self._results)
            observation = self._observe(rule.probe, heard, asked.values)
            self._results[key] = judge(rule, asked.expectation, observation, evidence)
        return self._results[key]

    def _observe(self, probe_id: str, heard: _Heard, values: Mapping[str, Any]) -> Observation:
        capture = heard.captures.get(probe_id)
        if capture is None:
            barrier = heard.system.windows.barrier
            if barrier:
                return Observation.not_collected(barrier)
            default = ENDED.get(heard.manifest.ended, "its section did not arrive")
            return Observation.not_collected(f"{probe_id}: {heard.manifest.absent.get(probe_id, default)}")
        unit, system = heard.subject.unit, heard.system
        key = (probe_id, heard.manifest.sections[probe_id], repr(values), unit, system)
        if key not in self._observations:
            _make_room(self._observations)
            context = Context(self.now, system, values, unit, self.roster)
            self._observations[key] = observe(all_probes()[probe_id], capture, context)
        return self._observations[key]

    def _asked(self, rule: Rule, scope: TailoringScope) -> _Asked:
        values = {name: scope.values.get(name, self.baseline.values[name].default) for name in rule.values}
        key = repr(values)
        if (rule.id, key) not in self._expectations:
            probe = all_probes()[rule.probe]
            expectation = Expectation(rule, probe.facts, values)
            taken = {name: expectation.values[name] for name in probe.parameters}
            self._expectations[rule.id, key] = _Asked(expectation, key, taken)
        return self._expectations[rule.id, key]


def _make_room(kept: dict[Any, Any]) -> None:
    if len(kept) >= KEPT:
        kept.clear()


def _state(manifest: Manifest, captures: Mapping[str, Capture], system: System) -> tuple[HostState, str, str]:
    """Say how far the look got: nothing, a part, or everything."""
    ended = ENDED.get(manifest.ended, "")
    if not captures:
        said = f"; the host says: {manifest.privilege_note}" if manifest.privilege_note else ""
        why = ended or "the host ran no collector: it sent no section"
        return HostState.UNREACHABLE, "no_output", f"{why}{said}; hardencheck doctor tells more"
    if ended:
        return HostState.PARTIAL, manifest.ended.value, ended
    if system.windows.barrier:
        return HostState.PARTIAL, "language_mode", f"{system.windows.barrier}: nothing else could be read"
    if manifest.absent:
        names = ", ".join(sorted(manifest.absent))
        return HostState.PARTIAL, "section_missing", f"not every section arrived or could be kept: {names}"
    if system.foreign:
        return HostState.PARTIAL, "other_platform", f"this host runs {system.foreign}: no rule was asked of it"
    cut = sorted(name for name, capture in captures.items() if capture.truncated or capture.timed_out)
    if cut:
        return HostState.PARTIAL, "section_cut", f"cut off by its limit: {', '.join(cut)}"
    if not system.privileged and any(all_probes()[name].needs_root for name in captures):
        said = f": {manifest.privilege_note}" if manifest.privilege_note else ""
        return HostState.PARTIAL, "no_privilege", f"collected without {privilege(system)}{said}"
    return HostState.REACHED, "", ""
