"""What a format with one file per host says of that host, result by result, in words that all of them share."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from hardencheck.model.baseline import Remediation, Rule
from hardencheck.model.change import Change
from hardencheck.model.outcome import HostState, Level, Outcome
from hardencheck.model.report import Report, Waived
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult
from hardencheck.report import diff
from hardencheck.report.escape import term
from hardencheck.report.projection import Projection, shown
from hardencheck.report.waivers import uncovered

#: STIG Manager cuts a longer text without a word, and what it cuts is the end
LONGEST = 30_000

#: STIG Manager cuts a rule's name after so many characters; two names that are cut alike would be one rule
LONGEST_NAME = 45

#: ARF takes no other characters; a name without a dot is a nickname in most inventories
_FQDN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class Row:
    """One result with its rule, the waiver that covers it, and how the formats call the outcome.

    `uncovered` says why a waiver that names the failure does not cover it, "" where there is none. `change` is what
    became of the result since the sweep `since`, if anything did.
    """

    rule: Rule
    result: RuleResult
    waiver: Waived | None
    word: Projection
    uncovered: str = ""
    change: Change | None = None
    since: str = ""

    @property
    def notes(self) -> list[str]:
        """What else is to be said of the result, a line for each, escaped: on a waiver that lapsed, and on a change."""
        changed = diff.sentence(self.change, self.since) if self.change else ""
        return [note for note in (self.uncovered, changed) if note]


def rows(report: Report, host: HostResult) -> Iterator[Row]:
    """Yield every result of a host; one that was not reached has at least a `notchecked` for each of its rules."""
    known = {rule.id: rule for rule in report.baseline.rules}
    lapsed, since = uncovered(report, host), report.changes.before if report.changes else ""
    for result in host.results or _not_asked(report, host):
        word, waiver = shown(report, host, result)
        rule = known.get(result.rule_id) or _nameless(result, host)
        change = diff.changed(report, host.host, result.rule_id)
        yield Row(rule.at(result.level), result, waiver, word, lapsed.get(result.rule_id, ""), change, since)


class Names(NamedTuple):
    """What a host is called in the DNS, and its address; each is empty when the inventory calls it otherwise."""

    fqdn: str = ""
    address: str = ""


def names(host: HostResult) -> Names:
    """Return what kind of name the inventory has for a host."""
    try:
        return Names(address=str(ip_address(host.host)))
    except ValueError:
        return Names(fqdn=host.host if _FQDN.fullmatch(host.host) else "")


def benchmark_name(report: Report, host: HostResult) -> str:
    """Return the name of the baseline as it is for a host's platform, in the form that XCCDF wants of it."""
    return f"xccdf_hc_benchmark_{report.baseline.id}-{host.platform.value}"


def rule_name(rule_id: str) -> str:
    """Return a rule's name in the form that XCCDF wants of it; the end of a long one becomes 8 hex digits."""
    name = f"xccdf_hc_rule_{rule_id}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}-{hashlib.sha256(rule_id.encode()).hexdigest()[:8]}"


def details(row: Row) -> str:
    """Return what was found, over several lines: our own word for the outcome, the message, what it was judged by."""
    result = row.result
    # one line, so that no host can add a line of its own
    message = term(result.message)
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]} ... (cut; the JSON report has all of it)"
    lines = [f"{result.rule_id}: {result.outcome.value}, severity {result.severity.value}", message]
    if read_from := list(dict.fromkeys(reason.read_from for reason in result.reasons if reason.read_from)):
        lines.append(f"Read from: {term('; '.join(read_from))}")
    if result.values:
        lines.append(f"Values: {json.dumps(dict(result.values), sort_keys=True, ensure_ascii=False)}")
    if result.level is not Level.EFFECTIVE:
        lines.append(f"Level: {result.level.value}")
    if result.evidence:
        lines.append(f"Evidence: sha256:{result.evidence}")
    return "\n".join(lines)


def references(rule: Rule) -> str:
    """Return the numbers that a rule has in other frameworks, a line for each."""
    return "\n".join(f"{name}: {', '.join(numbers)}" for name, numbers in sorted(rule.references.items()))


def check(rule: Rule) -> str:
    """Return what is asked and what is expected, so that the result can be judged again by hand."""
    expected = json.dumps(rule.expect, sort_keys=True, ensure_ascii=False, default=dict)
    return f"probe {rule.probe}; expects {expected}" if rule.probe else ""


def about(host: HostResult) -> dict[str, str]:
    """Return what is known of a host beside its results, by name: only what was told."""
    told = {
        "state": host.state.value,
        "reason": host.reason,
        "message": host.message,
        "platform": host.platform.value,
        "system": host.system,
        "clock_skew_seconds": "" if host.skew is None else f"{host.skew:g}",
        "captures_sha256": host.manifest or "",
        "groups": " ".join(host.groups),
        **{f"label.{name}": value for name, value in sorted(host.labels.items())},
    }
    return {name: value for name, value in told.items() if value}


def _not_asked(report: Report, host: HostResult) -> Iterator[RuleResult]:
    if host.state not in (HostState.PENDING, HostState.UNREACHABLE):
        # reached, but the baseline has no rule for it, or none was selected
        return
    said = f"host {host.state.value}: {host.message or 'it was not asked'}"
    for rule in report.baseline.rules:
        if host.platform in rule.platforms:
            yield RuleResult(rule.id, Outcome.NOTCHECKED, rule.severity, rule.theme, said, level=report.baseline.level)


def _nameless(result: RuleResult, host: HostResult) -> Rule:
    """Return as much of a rule as its result tells: the baseline at hand does not have it."""
    return Rule(
        id=result.rule_id, title=result.rule_id, severity=result.severity, platforms=(host.platform,),
        theme=result.theme, probe="", expect={}, values=(), rationale="", references={}, remediation=Remediation(""),
        examples={},
    )  # fmt: skip
