"""The table of cumulative updates: which revision of which build came out on which day, and what a site adds to it.

`update_table.json` beside this module: `reviewed` is the day on which a person last looked for new ones, `releases`
maps days to builds and the revisions (UBR) that came out then. A site's value `windows_update_table` adds rows as in
"26200.9711 2026-10-13".

Windows Server 2025 and Windows 11 24H2 share the build 26100 but not its revisions: those of the server start at 32000
since late 2025. Both are lines of their own here, or a client would seem to be newer than it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

_ROW = r"([0-9]{4,5})\.([0-9]{1,6}) ([0-9]{4}-[0-9]{2}-[0-9]{2})"
#: The schema of a site's value `windows_update_table`.
SITE_SCHEMA: Mapping[str, Any] = {"type": "array", "items": {"type": "string", "pattern": f"^{_ROW}$"}}

#: The first revision of Windows Server 2025 in the build that it shares with a client.
_SERVER_LINE = {26100: 32000}


@dataclass(frozen=True, slots=True)
class Dated:
    """When an installed update came out: not before `earliest`, not after `latest` (None: nobody knows)."""

    earliest: date | None
    latest: date | None
    source: str


@dataclass(frozen=True, slots=True)
class UpdateTable:
    """All rows as (build, revision, day), and the day of the last review."""

    reviewed: date
    source: str
    rows: tuple[tuple[int, int, date], ...]

    def find(self, build: int, revision: int, today: date, site: Iterable[str] = ()) -> Dated | None:
        """Return what is known about an installed revision; None when the table has no row of its line.

        Rows of days after `today` do not count. Raises ValueError when an entry of the site is no row.
        """
        rows = [*self.rows, *map(_row, site)]
        mine = [(number, day) for named, number, day in rows if named == build and day <= today]
        line = sorted((number, day) for number, day in mine if _same(build, number, revision))
        if not line:
            return None
        exact = [day for number, day in line if number == revision]
        if exact:
            return Dated(min(exact), max(exact), f"{build}.{revision} in the table of updates ({self.reviewed})")
        before = [day for number, day in line if number < revision]
        after = [day for number, day in line if number > revision]
        near = [f"{build}.{number} of {day}" for number, day in line if number < revision][-1:]
        near += [f"{build}.{number} of {day}" for number, day in line if number > revision][:1]
        return Dated(
            max(before) if before else None,
            min(after) if after else None,
            f"{build}.{revision} beside {' and '.join(near)} in the table of updates ({self.reviewed})",
        )


def parse_table(text: str) -> UpdateTable:
    """Read a table; raises ValueError when it is not one."""
    data = json.loads(text)
    rows = [
        (int(build), revision, date.fromisoformat(day))
        for day, builds in data["releases"].items()
        for build, revisions in builds.items()
        for revision in revisions
    ]
    return UpdateTable(date.fromisoformat(data["reviewed"]), data["source"], tuple(rows))


@cache
def update_table() -> UpdateTable:
    """Return the table that hardencheck ships."""
    return parse_table(resources.files(__package__).joinpath("update_table.json").read_text(encoding="utf-8"))


def _row(entry: str) -> tuple[int, int, date]:
    found = re.fullmatch(_ROW, entry)
    if found is None:
        raise ValueError(f"windows_update_table: {entry!r} is not BUILD.REVISION YYYY-MM-DD")
    try:
        return int(found[1]), int(found[2]), date.fromisoformat(found[3])
    except ValueError:
        raise ValueError(f"windows_update_table: {entry!r} has no such day") from None


def _same(build: int, one: int, other: int) -> bool:
    start = _SERVER_LINE.get(build, 0)
    return (one >= start) == (other >= start)
