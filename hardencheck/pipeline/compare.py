"""Compares two stored sweeps, and finds out why a verdict changed by judging the earlier one's evidence again.

From the earlier verdict to the later one there are four steps, and each names its own cause: the earlier evidence as it
is read today (probe), by the later baseline (rule, value, level), at the later time (time), and then the later evidence
(host, privilege, coverage, roster). A step that leaves the verdict alone explains nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from hardencheck.model.baseline import Baseline, Rule
from hardencheck.model.change import Cause, Change, Comparison, Kind
from hardencheck.model.expectation import Expectation, ExpectationError
from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.report import Report
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.model.waiver import observed_digest
from hardencheck.pipeline.rejudge import rejudge
from hardencheck.probes import all_probes
from hardencheck.storage import Store

_Key = tuple[str, str]
_Results = Mapping[_Key, RuleResult]
_TOLD = (Outcome.PASS, Outcome.FAIL)
#: reasons of a host's state
_FOREIGN, _NO_PRIVILEGE = "other_platform", "no_privilege"


def compare(before: Report, after: Report, store: Store, *, values: bool = True) -> Comparison:
    """Return what changed on the hosts that both sweeps have seen; raises EvidenceError when evidence is not whole.

    Each report holds the waivers as they were at its own time. Without `values`, an observed value that changed while
    the outcome is the same does not count.
    """
    old, new = _visited(before.sweep), _visited(after.sweep)
    was, now = (_results(hosts) for hosts in (old, new))
    keys = {key for key in was.keys() | now.keys() if key[0] in old and key[0] in new}
    waived = {key: (key in before.waived, key in after.waived) for key in keys}
    differing = {key for key in keys if len(set(waived[key])) > 1 or _differ(was.get(key), now.get(key), values)}
    judged = _Judged(before, after, store, differing)
    order = list(Kind)
    changes = (
        Change(
            host=key[0],
            rule_id=key[1],
            severity=(now.get(key) or was[key]).severity,
            before=was[key].outcome if key in was else None,
            after=now[key].outcome if key in now else None,
            waived_before=waived[key][0],
            waived_after=waived[key][1],
            causes=tuple(judged.causes(key) + [Cause.WAIVER] * (len(set(waived[key])) > 1)),
            was=was[key].message if key in was else "",
            now=now[key].message if key in now else "",
        )
        for key in differing
    )
    return Comparison(
        before=before.sweep.id,
        after=after.sweep.id,
        baseline_before=_name(before.sweep),
        baseline_after=_name(after.sweep),
        gone=tuple(sorted(old.keys() - new.keys())),
        new=tuple(sorted(new.keys() - old.keys())),
        changes=tuple(
            sorted(changes, key=lambda each: (order.index(each.kind), -each.severity.rank, each.rule_id, each.host))
        ),
    )


class _Judged:
    """The results of two sweeps, and what the earlier evidence comes to today, by either baseline."""

    def __init__(self, before: Report, after: Report, store: Store, keys: Collection[_Key]) -> None:
        self.before, self.after = before, after
        self.hosts = _visited(before.sweep), _visited(after.sweep)
        self.was, self.now = (_results(hosts) for hosts in self.hosts)
        today = _again(after.sweep, after.baseline, store, keys)
        # where the later result is read otherwise today too, today's reading says nothing about the step between them
        known = {key for key in keys if key in today and not _differ(today[key], self.now.get(key), True)}
        same = before.sweep.baseline_digest == after.sweep.baseline_digest
        self.read = _again(before.sweep, before.baseline, store, known)
        self.by_later = self.read if same else _again(before.sweep, after.baseline, store, known)
        aged = replace(before.sweep, started=after.sweep.started)
        self.aged = _again(aged, after.baseline, store, known)

    def causes(self, key: _Key) -> list[Cause]:
        """Return why one verdict changed; nothing when only a waiver did."""
        was, now = self.was.get(key), self.now.get(key)
        if was is None or now is None:
            return [Cause.RULE]
        if not _differ(was, now, True):
            return []
        if not all(key in judged for judged in (self.read, self.by_later, self.aged)):
            metadata = self._of_baseline(key[1], was, now) if was.evidence and now.evidence else []
            return [*dict.fromkeys([Cause.PROBE, *metadata, *self._of_host(key, was, now)])]
        values = was.outcome is now.outcome
        read, by_later, aged = self.read[key], self.by_later[key], self.aged[key]
        found = []
        if _differ(was, read, values):
            found.append(Cause.PROBE)
        if _differ(read, by_later, values):
            found += self._of_baseline(key[1], read, by_later) or [Cause.RULE]
        if _differ(by_later, aged, values):
            found.append(Cause.TIME)
        if _differ(aged, now, values):
            found += self._of_host(key, aged, now) or [Cause.HOST]
        return [*dict.fromkeys(found)]

    def _of_baseline(self, rule_id: str, was: RuleResult, now: RuleResult) -> list[Cause]:
        if Outcome.NOTSELECTED in (was.outcome, now.outcome):
            return [Cause.RULE]
        found = [Cause.VALUE] if was.values != now.values else []
        if was.level is not now.level:
            return [Cause.LEVEL, *found]
        rules = [_at(report.baseline, rule_id, one) for report, one in ((self.before, was), (self.after, now))]
        return [Cause.RULE, *found] if rules[0] != rules[1] else found

    def _of_host(self, key: _Key, was: RuleResult, now: RuleResult) -> list[Cause]:
        """Return what differs between the hosts of both sweeps, apart from the baseline."""
        one, other = (hosts[key[0]] for hosts in self.hosts)
        rule = _at(self.after.baseline, key[1], now)
        asks = rule is not None and rule[0] in all_probes() and all_probes()[rule[0]].reads_roster
        roster = asks and self.before.sweep.roster_digest != self.after.sweep.roster_digest
        if (was.outcome is Outcome.NOTSELECTED) != (now.outcome is Outcome.NOTSELECTED):
            return [Cause.ROSTER if roster else Cause.RULE]
        reasons = (one.reason, other.reason)
        if _FOREIGN in reasons:
            return [Cause.HOST]
        if was.evidence is None or now.evidence is None:
            return [Cause.COVERAGE]
        if (was.outcome.incomplete or now.outcome.incomplete) and one.reason != other.reason:
            return [Cause.PRIVILEGE if _NO_PRIVILEGE in reasons else Cause.COVERAGE]
        unit = one.labels.get("process_unit") != other.labels.get("process_unit")
        found = [Cause.VALUE] if was.values != now.values or unit else []
        if was.evidence != now.evidence or one.system != other.system:
            found += [Cause.HOST, Cause.PROBE] if self._other_script() else [Cause.HOST]
        return [*found, Cause.ROSTER] if roster else found

    def _other_script(self) -> bool:
        """Whether hosts were asked by another script, though the same was to be asked: hardencheck's own changed."""
        asked = [
            (
                {rule.probe for rule in report.baseline.rules},
                {host.platform for host in report.sweep.hosts},
                report.sweep.roster_digest is None,
            )
            for report in (self.before, self.after)
        ]
        return asked[0] == asked[1] and self.before.sweep.collector_digest != self.after.sweep.collector_digest


def _again(sweep: Sweep, baseline: Baseline, store: Store, keys: Collection[_Key]) -> dict[_Key, RuleResult]:
    """Judge what these keys name again: a sweep's evidence by a baseline, as this hardencheck reads it."""
    hosts, ids = {host for host, _ in keys}, {rule_id for _, rule_id in keys}
    rules = tuple(rule for rule in baseline.rules if rule.id in ids and _judgeable(rule, baseline))
    some = replace(sweep, hosts=tuple(host for host in sweep.hosts if host.host in hosts))
    if not rules:
        return {}
    judged = rejudge(some, replace(baseline, rules=rules), store)
    return {key: result for key, result in _results(_visited(judged)).items() if key in keys}


def _judgeable(rule: Rule, baseline: Baseline) -> bool:
    """Whether this hardencheck can judge a rule of a stored baseline: its probe may have other facts today, or none."""
    probe = all_probes().get(rule.probe)
    if probe is None or not set(probe.parameters) <= set(rule.values):
        return False
    try:
        Expectation(
            rule.at(baseline.level), probe.facts, {value.id: value.default for value in baseline.values.values()}
        )
    except ExpectationError:
        return False
    return True


def _visited(sweep: Sweep) -> dict[str, HostResult]:
    return {host.host: host for host in sweep.hosts if host.state is not HostState.PENDING}


def _results(hosts: Mapping[str, HostResult]) -> dict[_Key, RuleResult]:
    return {(name, result.rule_id): result for name, host in hosts.items() for result in host.results}


def _differ(one: RuleResult | None, other: RuleResult | None, values: bool) -> bool:
    """Whether two verdicts differ: in their outcome or, with `values`, in what was observed."""
    if one is None or other is None:
        return one is not other
    if one.outcome is not other.outcome:
        return True
    return values and one.outcome in _TOLD and _observed(one) != _observed(other)


def _observed(result: RuleResult) -> str:
    return observed_digest(replace(result, evidence=None))


def _at(baseline: Baseline, rule_id: str, result: RuleResult) -> tuple[str, object] | None:
    """Return what decides in a rule, as it was judged."""
    rule = next((each.at(result.level) for each in baseline.rules if each.id == rule_id), None)
    return (rule.probe, rule.expect) if rule else None


def _name(sweep: Sweep) -> str:
    return f"{sweep.baseline_id} {sweep.baseline_version}"
