"""The table of support dates: a wrong one is refused with the place, a site's entries win, an old one is told."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from hardencheck.probes.support_table import REVIEW_DAYS, SITE_SCHEMA, parse_table, support_table

GOOD: dict[str, Any] = {
    "reviewed": "2026-11-22",
    "releases": {
        "debian": {"match": "exact", "source": "wiki", "versions": {"12": {"full": "2026-07-11", "lts": "2028-06-30"}}},
        "rhel": {"match": "major", "source": "errata", "versions": {"9": {"full": "2032-05-31"}}},
    },
}


def table(**changes: Any) -> str:
    """Return the good table with one part replaced; keys are paths with __ between their parts."""
    data = json.loads(json.dumps(GOOD))
    for path, value in changes.items():
        *parents, last = path.split("__")
        part = data
        for name in parents:
            part = part[name]
        part[last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "f.json: must be a mapping"),
        ("{", "f.json: Expecting property name"),
        (table(extra=1), "f.json: must have exactly the keys releases, reviewed"),
        (table(reviewed="22.11.2026"), "f.json: reviewed: '22.11.2026' is no day"),
        (table(reviewed=20261122), "reviewed: 20261122 is no day"),
        (table(releases={}), "releases: must be a mapping that is not empty"),
        (table(releases__debian__match="minor"), "debian: match is 'minor', not exact or major"),
        (table(releases__debian__source=" "), "debian: source must say where the dates come from"),
        (table(releases__debian__versions__12={}), "debian 12: must be a mapping that is not empty"),
        (table(releases__debian__versions__12={"elts": "2030-01-01"}), "debian 12: unknown phase 'elts'"),
        (table(releases__debian__versions__12={"full": "2026-02-31"}), "debian 12 full: '2026-02-31' is no day"),
        (
            table(releases__debian__versions__12={"lts": "2026-01-01", "full": "2028-01-01"}),
            "debian 12: a later phase ends before an earlier one",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_the_place(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse_table(text, "f.json")


def test_the_shipped_table_is_right_and_names_its_sources() -> None:
    assert {"debian", "ubuntu", "rhel", "sles"} <= set(support_table().distributions)
    assert all(distribution.source for distribution in support_table().distributions.values())


def test_a_site_overrides_single_phases() -> None:
    known = parse_table(table(), "f.json")
    support = known.support("debian", "12", ["debian 12 full 2026-06-10", "debian 13 full 2020-01-01"])
    assert support is not None
    assert support.phases == {"full": date(2026, 6, 10), "lts": date(2028, 6, 30)}
    assert "support_dates of this site: debian 12 full 2026-06-10" in support.source
    assert list(support.phases) == ["full", "lts"]


def test_a_site_adds_releases_and_names_minor_ones() -> None:
    known = parse_table(table(), "f.json")
    assert known.support("mint", "22") is None
    added = known.support("mint", "22", ["mint 22 full 2029-04-30"])
    assert added is not None
    assert added.phases == {"full": date(2029, 4, 30)}
    minor = known.support("rhel", "9.2", ["rhel 9.2 full 2024-04-30"])
    other = known.support("rhel", "9.4", ["rhel 9.2 full 2024-04-30"])
    assert minor is not None
    assert other is not None
    assert minor.phases["full"] == date(2024, 4, 30)
    assert other.phases["full"] == date(2032, 5, 31)


@pytest.mark.parametrize("entry", ["debian 12 full", "debian 12 eol 2026-01-01", "Debian 12 full 2026-01-01", ""])
def test_what_a_site_may_not_write_is_refused_twice(entry: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([entry], dict(SITE_SCHEMA))
    with pytest.raises(ValueError, match="is not DISTRIBUTION VERSION PHASE"):
        parse_table(table(), "f.json").support("debian", "12", [entry])


def test_an_old_table_is_told_and_a_fresh_one_is_not() -> None:
    known = parse_table(table(), "f.json")
    day = datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert known.warning(day + timedelta(days=REVIEW_DAYS)) is None
    warning = known.warning(day + timedelta(days=REVIEW_DAYS + 1)) or ""
    assert "last reviewed 181 days ago (2026-11-22)" in warning
    assert "support_dates" in warning
