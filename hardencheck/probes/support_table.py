"""The reviewed table of support dates, a site's additions to it, and when it needs another review.

`support_dates.json` beside this module: `reviewed` is the day on which a person last compared all dates with their
sources; `releases` maps os-release's ID to `match` (`exact`: the whole VERSION_ID, `major`: what stands before the
first dot), `source` and `versions`; a version maps phases (full, lts, paid) to their last days, in the order of time.

A site's value `support_dates` adds releases or overrides one phase of one, as `DISTRIBUTION VERSION PHASE DATE`. What a
site says counts alone for the phases that it names; the others stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

#: Age from which the table is due for a review.
REVIEW_DAYS = 180
#: Phases in the order of time.
PHASES = ("full", "lts", "paid")

_RELEASE = r"([a-z0-9._-]+) ([0-9][0-9A-Za-z._-]*) (full|lts|paid) ([0-9]{4}-[0-9]{2}-[0-9]{2})"
#: The schema of a site's value `support_dates`.
SITE_SCHEMA: Mapping[str, Any] = {"type": "array", "items": {"type": "string", "pattern": f"^{_RELEASE}$"}}


@dataclass(frozen=True, slots=True)
class Support:
    """Last day of each phase of one release, in the order of time, and where that is written."""

    phases: Mapping[str, date]
    source: str


@dataclass(frozen=True, slots=True)
class Distribution:
    """The releases of one distribution; `match` says how much of VERSION_ID names one."""

    match: str
    source: str
    versions: Mapping[str, Mapping[str, date]]

    def version(self, version_id: str) -> str:
        """Return the name of a release in the table."""
        return version_id.partition(".")[0] if self.match == "major" else version_id


@dataclass(frozen=True, slots=True)
class SupportTable:
    """All distributions, and the day of the last review."""

    reviewed: date
    distributions: Mapping[str, Distribution]

    def support(self, distribution: str, version_id: str, site: Iterable[str] = ()) -> Support | None:
        """Return what is known about a release; None when neither table nor site know it. Raises ValueError."""
        known = self.distributions.get(distribution)
        version = known.version(version_id) if known else version_id
        phases = dict(known.versions.get(version, {})) if known else {}
        source = known.source if known and phases else ""
        for entry in site:
            found = re.fullmatch(_RELEASE, entry)
            if found is None:
                raise ValueError(f"support_dates: {entry!r} is not DISTRIBUTION VERSION PHASE YYYY-MM-DD")
            day = _day(found[4], f"support_dates: {entry!r}")
            if distribution == found[1] and found[2] in (version, version_id):
                phases[found[3]] = day
                source = f"{source}; " * bool(source) + f"support_dates of this site: {entry}"
        ordered = {phase: phases[phase] for phase in PHASES if phase in phases}
        return Support(ordered, source) if ordered else None

    def age_days(self, now: datetime) -> int:
        """Return how many days ago the table was reviewed."""
        return (now.date() - self.reviewed).days

    def warning(self, now: datetime) -> str | None:
        """Return what to tell the user when the table is due for a review; None while it is not."""
        age = self.age_days(now)
        if age <= REVIEW_DAYS:
            return None
        return (
            f"The table of support dates was last reviewed {age} days ago ({self.reviewed}). Releases that came out "
            "since are unknown, and support that was extended or cut short is not seen: update hardencheck, or name "
            "them in the value support_dates."
        )


def parse_table(text: str, name: str) -> SupportTable:
    """Read and check a table; raises ValueError that names the file, the entry and what is wrong with it."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    _keys(data, {"reviewed", "releases"}, name)
    distributions = {}
    for distribution, entry in _mapping(data["releases"], f"{name}: releases").items():
        where = f"{name}: {distribution}"
        _keys(entry, {"match", "source", "versions"}, where)
        if entry["match"] not in ("exact", "major"):
            raise ValueError(f"{where}: match is {entry['match']!r}, not exact or major")
        if not isinstance(entry["source"], str) or not entry["source"].strip():
            raise ValueError(f"{where}: source must say where the dates come from")
        versions = _mapping(entry["versions"], f"{where}: versions")
        distributions[distribution] = Distribution(
            entry["match"],
            entry["source"],
            {version: _phases(phases, f"{where} {version}") for version, phases in versions.items()},
        )
    return SupportTable(_day(data["reviewed"], f"{name}: reviewed"), distributions)


@cache
def support_table() -> SupportTable:
    """Return the table that hardencheck ships."""
    name = "support_dates.json"
    return parse_table(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"), name)


def _phases(data: object, where: str) -> Mapping[str, date]:
    phases = _mapping(data, where)
    if unknown := set(phases) - set(PHASES):
        raise ValueError(f"{where}: unknown phase {sorted(unknown)[0]!r}, expected one of {', '.join(PHASES)}")
    if not phases:
        raise ValueError(f"{where}: no phase is given")
    days = {phase: _day(phases[phase], f"{where} {phase}") for phase in PHASES if phase in phases}
    if sorted(days.values()) != list(days.values()):
        raise ValueError(f"{where}: a later phase ends before an earlier one")
    return days


def _mapping(data: object, where: str) -> Mapping[str, Any]:
    if not isinstance(data, dict) or not data:
        raise ValueError(f"{where}: must be a mapping that is not empty")
    return data


def _keys(data: object, keys: set[str], where: str) -> None:
    if set(_mapping(data, where)) != keys:
        raise ValueError(f"{where}: must have exactly the keys {', '.join(sorted(keys))}")


def _day(value: object, where: str) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"{where}: {value!r} is no day as in 2026-11-22") from None
