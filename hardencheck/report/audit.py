"""The audit log of remediation on the screen: one line for each act."""

from __future__ import annotations

from collections.abc import Iterable

from tabulate import tabulate

from hardencheck.model.audit import Act, Entry
from hardencheck.report.escape import term
from hardencheck.report.screen import counted, names


def render(entries: Iterable[Entry]) -> str:
    """Return the acts as a table, the oldest first."""
    rows = [(each.at, term(each.by), each.act.value, term(_about(each)), term(_said(each))) for each in entries]
    if not rows:
        return "nobody has planned or changed anything\n"
    return tabulate(rows, headers=("at (UTC)", "by", "act", "plan or run", "what"), tablefmt="plain") + "\n"


def _about(entry: Entry) -> str:
    return str(entry.record["plan"] if entry.act is Act.PLAN else entry.record["run"])


def _said(entry: Entry) -> str:
    record = entry.record
    match entry.act:
        case Act.PLAN:
            return f"{counted(record['steps'], 'failure')} on {names(record['hosts'])}, after sweep {record['sweep']}"
        case Act.APPROVE:
            return f"{record['plan']} on {names([name for wave in record['waves'] for name in wave])}"
        case Act.PREPARE:
            return f"wave {record['wave']}: {names(list(record['hosts']))} copied what was there"
        case Act.APPLY if "settled" in record:
            return f"wave {record['wave']}: {names(list(record['settled']))} answered after the change"
        case Act.APPLY:
            bad = [name for name, each in record["hosts"].items() if each["left"] or each["broken"] or each["message"]]
            good = len(record["hosts"]) - len(bad)
            return f"wave {record['wave']}: {counted(good, 'host')} as planned" + (f", not {names(bad)}" if bad else "")
        case Act.UNDO:
            left = [name for name, each in record["hosts"].items() if not each["whole"]]
            return f"{counted(len(record['hosts']), 'host')} put back" + (f", not whole: {names(left)}" if left else "")
