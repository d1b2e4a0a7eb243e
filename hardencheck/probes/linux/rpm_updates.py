"""What dnf 4 and zypper print about security updates, and how old the metadata is that they looked at."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

_ADVISORY = re.compile(r"^(\S+)\s+(\S*Sec\.|[sS]ecurity)\s+(\S+)$")
_ELEMENT = re.compile(r"<(update|repo|lock) ([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def advisories(lines: Iterable[str]) -> list[str]:
    """Read `dnf -q updateinfo list --security`: `ID TYPE PACKAGE`; raises ValueError for any other line."""
    found = []
    for line in filter(str.strip, lines):
        match = _ADVISORY.match(line.strip())
        if match is None:
            raise ValueError(f"dnf's line is not understood: {line[:120]}")
        found.append(f"{match[3]} ({match[1]}, {match[2].removesuffix('/Sec.')})")
    return sorted(set(found))


def elements(text: str, kind: str) -> list[dict[str, str]]:
    """Return the attributes of every element of this kind in `zypper --xmlout`: `update`, `repo` or `lock`."""
    return [
        {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(match[2])}
        for match in _ELEMENT.finditer(text)
        if match[1] == kind
    ]


def repositories(lines: Iterable[str]) -> list[str]:
    """Read the ids of the enabled repositories from `dnf -q repolist`."""
    ids = [line.split()[0] for line in lines if line.strip()]
    return [repo for repo in ids if repo not in ("repo", "Updating")]


def refreshed(stamps: Mapping[str, int], directory: str) -> int | None:
    """Return when the metadata below a directory was last fetched or confirmed: the newest change time in it."""
    times = [time for path, time in stamps.items() if path.startswith(directory)]
    return max(times) if times else None
