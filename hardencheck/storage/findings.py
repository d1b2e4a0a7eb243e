"""The (host, rule) problem over time, kept up to date by what each sweep saw.

A fail opens a finding, or opens a closed one again. Only a pass (or fixed) closes one: a rule that is no longer
selected, no longer applies or could not be told has not been put right. A fail always counts; a pass of a sweep that
began before the finding was last seen changes nothing, so no order of writing can hide a problem. `opened` is the
first time ever; `reopened` counts how often it came back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from hardencheck.model.outcome import Outcome, Severity
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import Finding
from hardencheck.storage.schema import finding

State = Literal["open", "closed", "all"]

#: One host's results: its name, when its sweep began, the results.
Seen = tuple[str, str, Iterable[RuleResult]]

_Key = tuple[str, str]
_Book = dict[_Key, Finding]

_CLOSING = frozenset({Outcome.PASS, Outcome.FIXED})
_CHUNK = 500
_columns = finding.c
_CHANGING = ("severity", "last_seen", "closed", "reopened", "message")
_UPDATE = (
    update(finding)
    .where(
        _columns.host == bindparam("of_host", type_=_columns.host.type),
        _columns.rule_id == bindparam("of_rule", type_=_columns.rule_id.type),
    )
    .values({name: bindparam(f"new_{name}", type_=_columns[name].type) for name in _CHANGING})
)


def record(connection: Connection, seen: Collection[Seen]) -> None:
    """Apply what was seen on some hosts."""
    hosts = sorted({host for host, _, _ in seen})
    rows = connection.execute(select(finding).where(_columns.host.in_(hosts)))
    book: _Book = {(row.host, row.rule_id): _from_row(row) for row in rows}
    known = set(book)
    touched: dict[_Key, None] = {}
    for host, started, results in seen:
        for result in results:
            after = _after(book.get((host, result.rule_id)), host, started, result)
            if after is not None:
                book[host, result.rule_id] = after
                touched[host, result.rule_id] = None
    opened = [_to_row(book[key]) for key in touched if key not in known]
    changed = [_to_change(book[key]) for key in touched if key in known]
    if opened:
        connection.execute(insert(finding), opened)
    if changed:
        connection.execute(_UPDATE, changed)


def query(
    connection: Connection, state: State, hosts: Collection[str] | None, rules: Collection[str] | None
) -> tuple[Finding, ...]:
    """Return the findings in this state, of these hosts and rules (None: all), by host and rule."""
    statement = select(finding)
    if state != "all":
        statement = statement.where(_columns.closed.is_(None) if state == "open" else _columns.closed.is_not(None))
    found = [
        _from_row(row)
        for part in _of_hosts(statement, hosts)
        for row in connection.execute(part)
        if rules is None or row.rule_id in rules
    ]
    return tuple(sorted(found, key=lambda each: (each.host, each.rule_id)))


def _after(before: Finding | None, host: str, started: str, result: RuleResult) -> Finding | None:
    """Return the finding as one result leaves it; None when it changes nothing."""
    if result.outcome is Outcome.FAIL:
        if before is None:
            return Finding(host, result.rule_id, result.severity, started, started, None, 0, result.message)
        return replace(
            before,
            severity=result.severity,
            last_seen=max(before.last_seen, started),
            closed=None,
            reopened=before.reopened + (before.closed is not None),
            message=result.message,
        )
    closes = result.outcome in _CLOSING and before is not None and before.closed is None
    if closes and before is not None and started >= before.last_seen:
        return replace(before, closed=started)
    return None


def _of_hosts(statement: Select[Any], hosts: Collection[str] | None) -> Iterator[Select[Any]]:
    """Limit the statement to these hosts, in parts: a statement takes a limited number of parameters."""
    if hosts is None:
        yield statement
        return
    rest = iter(dict.fromkeys(hosts))
    while some := list(islice(rest, _CHUNK)):
        yield statement.where(_columns.host.in_(some))


def _from_row(row: Row[Any]) -> Finding:
    return Finding(
        host=row.host,
        rule_id=row.rule_id,
        severity=Severity(row.severity),
        opened=row.opened,
        last_seen=row.last_seen,
        closed=row.closed,
        reopened=row.reopened,
        message=row.message,
    )


def _to_row(each: Finding) -> dict[str, object]:
    return {
        "host": each.host,
        "rule_id": each.rule_id,
        "severity": each.severity.value,
        "opened": each.opened,
        "last_seen": each.last_seen,
        "closed": each.closed,
        "reopened": each.reopened,
        "message": each.message,
    }


def _to_change(each: Finding) -> dict[str, object]:
    row = _to_row(each)
    return {"of_host": each.host, "of_rule": each.rule_id, **{f"new_{name}": row[name] for name in _CHANGING}}
