"""Two sweeps side by side: what became of verdicts, and why; as text, as JSON, and in words for every report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from hardencheck.model.change import Cause, Change, Comparison, Kind
from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Report
from hardencheck.report.escape import term
from hardencheck.report.screen import counted, indented, names

SCHEMA_VERSION = "1.0"
TOP = 10

#: what became of a verdict, in words
KINDS = {
    Kind.NEW_FAILURE: "new failure",
    Kind.LOST: "no longer told",
    Kind.VALUE: "other value",
    Kind.OTHER: "otherwise",
    Kind.WAIVED: "now waived",
    Kind.FIXED: "fixed",
}
_CAUSES = {
    Cause.HOST: "the host answered something else",
    Cause.RULE: "the rule, its selection or the version of the baseline changed",
    Cause.VALUE: "a value of the baseline or tailoring, or the host's group or unit, changed",
    Cause.LEVEL: "it was judged at another level",
    Cause.WAIVER: "a waiver began, ended or was suspended",
    Cause.PROBE: "this version of hardencheck asks or reads otherwise",
    Cause.PRIVILEGE: "rights on the host were won or lost",
    Cause.COVERAGE: "the host was not reached, or not whole, in one of both",
    Cause.ROSTER: "the roster changed",
    Cause.TIME: "the same answer grew older",
}


def render(found: Comparison, most: int | None = None) -> str:
    """Return a comparison as text that is safe to print; of each kind at most so many rules."""
    lines = [f"from {found.before} ({found.baseline_before}) to {found.after} ({found.baseline_after})"]
    for word, hosts in (("no longer swept", found.gone), ("newly swept", found.new)):
        if hosts:
            lines.append(f"{word}: {counted(len(hosts), 'host')}: {names(hosts)}")
    return "\n".join([*lines, section(found.changes, most)]) + "\n"


def section(changes: Sequence[Change], most: int | None) -> str:
    """Return changes by kind, alike ones of several hosts together."""
    count = Counter(change.kind for change in changes)
    lines = [f"changes: {', '.join(f'{count[kind]} {word}' for kind, word in KINDS.items() if count[kind]) or 'none'}"]
    shown: Counter[Kind] = Counter()
    for group in alike(changes):
        kind = group[0].kind
        shown[kind] += 1
        if most is None or shown[kind] <= most:
            lines += _entry(group)
    left = sum(max(0, number - most) for number in shown.values()) if most is not None else 0
    return "\n".join([*lines, *([f"  and {left} more: hardencheck diff"] if left else [])])


def alike(changes: Sequence[Change]) -> list[list[Change]]:
    """Return changes that differ in their host alone together, in the order that they have."""
    found: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        key = (change.kind, change.rule_id, change.before, change.after, change.causes)
        found.setdefault(key, []).append(change)
    return list(found.values())


def why(causes: Iterable[Cause]) -> str:
    """Return causes in words."""
    return "; ".join(_CAUSES[cause] for cause in causes)


def told(report: Report) -> tuple[Change, ...]:
    """Return the changes that reports speak of: another outcome, or a waiver that began or ended."""
    return tuple(each for each in report.changes.changes if _speaks(each)) if report.changes else ()


def changed(report: Report, host: str, rule_id: str) -> Change | None:
    """Return what became of one result, if reports speak of it."""
    found = report.changes.of(host, rule_id) if report.changes else None
    return found if found and _speaks(found) else None


def sentence(change: Change, since: str) -> str:
    """Return in one line what a result was, what it is, and why; `since` is the id of the earlier sweep."""
    return f"changed since sweep {term(since)}: {_steps(change)}; why: {why(change.causes)}"


def summed_up(change: Change, since: str) -> dict[str, Any]:
    """Return what a format with properties of its own holds beside a result that changed."""
    return {
        "since": term(since),
        "before": change.before and change.before.value,
        "waived_before": change.waived_before,
        "causes": [cause.value for cause in change.causes],
        "said": sentence(change, since),
    }


def _speaks(change: Change) -> bool:
    return change.kind is not Kind.VALUE


def render_json(found: Comparison) -> str:
    """Return a comparison as JSON with sorted keys."""
    body = {
        "schema_version": SCHEMA_VERSION,
        "before": {"sweep": found.before, "baseline": found.baseline_before},
        "after": {"sweep": found.after, "baseline": found.baseline_after},
        "hosts_gone": list(found.gone),
        "hosts_new": list(found.new),
        "changes": [to_json(change) for change in found.changes],
    }
    return json.dumps(body, indent=2, sort_keys=True) + "\n"


def to_json(change: Change) -> dict[str, Any]:
    """Return the dict of one change."""
    return {
        "host": change.host,
        "rule_id": change.rule_id,
        "severity": change.severity.value,
        "kind": change.kind.value,
        "before": change.before and change.before.value,
        "after": change.after and change.after.value,
        "waived_before": change.waived_before,
        "waived_after": change.waived_after,
        "causes": [cause.value for cause in change.causes],
        "was": change.was,
        "now": change.now,
    }


def _entry(group: Sequence[Change]) -> list[str]:
    first = group[0]
    where = names([change.host for change in group])
    lines = [f"  {KINDS[first.kind]}: {first.severity.value} {first.rule_id}  {_steps(first)}"]
    lines += indented(f"{counted(len(group), 'host')}: {where}", 4)
    lines += indented(f"why: {why(first.causes)}", 4)
    lines += indented(f"was: {first.was or 'not judged'}", 4, 2)
    return lines + indented(f"now: {first.now or 'not judged'}", 4, 2)


def _steps(change: Change) -> str:
    before = _verdict(change.before, change.waived_before)
    return f"{before} -> {_verdict(change.after, change.waived_after)}"


def _verdict(outcome: Outcome | None, waived: bool) -> str:
    word = outcome.value if outcome else "not judged"
    return f"{word} (waived)" if waived else term(word)
