"""Windows' tables of updates and of support, and hosts that lie: what is not understood never passes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.outcome import Status
from hardencheck.probes import all_probes
from hardencheck.probes.powershell import Item
from hardencheck.probes.support_table import support_table
from hardencheck.probes.windows.auditpol import BOTH, read_policy
from hardencheck.probes.windows.update_table import SITE_SCHEMA, parse_table, update_table
from tests.probes.cases import Case, all_cases

MINE = (
    "windows.audit", "windows.clock", "windows.directory_audit", "windows.event_logs", "windows.log_forwarding",
    "windows.powershell_logging", "windows.release", "windows.updates",
)  # fmt: skip
COMPLETE = [case for case in all_cases() if case.status is Status.COMPLETE]
CASES = {name: [case for case in COMPLETE if case.probe_id == name] for name in MINE}
TABLE = parse_table(
    json.dumps(
        {
            "reviewed": "2026-11-22",
            "source": "x",
            "releases": {
                "2026-09-08": {"26100": [9445], "20348": [5622]},
                "2026-10-13": {"26100": [9711, 33650], "20348": [5761]},
            },
        }
    )
)
TODAY = date(2026, 11, 22)
NAMES = (
    "path", "exists", "values", "keys", "k", "v", "id", "pid", "name", "status", "lines", "booted", "now", "bytes",
    "mode", "on", "Start", "Type",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("build", "revision", "earliest", "latest"),
    [
        (26100, 9711, date(2026, 10, 13), date(2026, 10, 13)),
        (26100, 9500, date(2026, 9, 8), date(2026, 10, 13)),
        (26100, 9999, date(2026, 10, 13), None),
        (26100, 100, None, date(2026, 9, 8)),
        (26100, 33650, date(2026, 10, 13), date(2026, 10, 13)),
        (26100, 32000, None, date(2026, 10, 13)),
        (26100, 40000, date(2026, 10, 13), None),
        (20348, 33000, date(2026, 10, 13), None),
    ],
)
def test_an_update_is_dated_by_the_rows_beside_it(
    build: int, revision: int, earliest: date | None, latest: date | None
) -> None:
    found = TABLE.find(build, revision, TODAY)
    assert found is not None
    assert (found.earliest, found.latest) == (earliest, latest)


def test_a_build_without_rows_is_not_dated_and_a_site_adds_rows() -> None:
    assert TABLE.find(28000, 1, TODAY) is None
    added = TABLE.find(28000, 3231, TODAY, ["28000.3231 2026-10-13"])
    assert added is not None
    assert added.earliest == added.latest == date(2026, 10, 13)


def test_a_row_of_a_day_that_has_not_come_proves_nothing() -> None:
    found = TABLE.find(26100, 9999, TODAY, ["26100.9999 2027-10-13"])
    assert found is not None
    assert (found.earliest, found.latest) == (date(2026, 10, 13), None)


@pytest.mark.parametrize("entry", ["26200.9711", "26200 2026-10-13", "26200.9711 13.10.2026", "", "x"])
def test_what_a_site_may_not_write_is_refused_twice(entry: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([entry], dict(SITE_SCHEMA))
    with pytest.raises(ValueError, match=re.escape("is not BUILD.REVISION YYYY-MM-DD")):
        TABLE.find(26200, 9711, TODAY, [entry])


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="has no such day"):
        TABLE.find(26200, 9711, TODAY, ["26200.9711 2026-02-30"])


def test_the_shipped_updates_grow_with_time_and_are_of_known_builds() -> None:
    table = update_table()
    assert "support.microsoft.com" in table.source
    lines: dict[tuple[int, bool], list[tuple[date, int]]] = {}
    for build, revision, day in table.rows:
        lines.setdefault((build, build == 26100 and revision >= 32000), []).append((day, revision))
    for line in lines.values():
        assert [revision for _, revision in sorted(line)] == sorted(revision for _, revision in line)
        assert all(day.weekday() == 1 and day <= table.reviewed for day, _ in line), "security updates come on Tuesdays"
    supported = {version for name, entry in support_table().distributions.items() if name.startswith("windows")
                 for version in entry.versions}  # fmt: skip
    assert {str(build) for build, _ in lines} <= supported


def test_the_ends_of_support_of_windows_are_tuesdays() -> None:
    days = {
        f"{name} {version} {phase}": day
        for name, entry in support_table().distributions.items()
        if name.startswith("windows")
        for version, phases in entry.versions.items()
        for phase, day in phases.items()
    }
    # the annual channel of the server counts two years from the day on which it came out
    assert [name for name, day in days.items() if day.weekday() != 1] == ["windows-server-channel 25398 full"]


@given(lines=st.lists(st.text(max_size=120), max_size=8))
def test_no_line_that_is_not_understood_counts_as_audited(lines: list[str]) -> None:
    found = read_policy(Item("audit", {"status": 0, "lines": lines})).offenders({"Logon": BOTH})
    assert found.value != []


@given(words=st.tuples(*[st.text(max_size=20).filter(lambda text: "," not in text and "\n" not in text)] * 4))
def test_translated_words_do_not_matter(words: tuple[str, str, str, str]) -> None:
    host, name, included, excluded = words
    line = f"{host},System,{name},{{0CCE9215-69AE-11D9-BED3-505054503030}},{included},{excluded},2"
    if any(mark in "".join(words) for mark in "{}\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"):
        return
    found = read_policy(Item("audit", {"status": 0, "lines": [line]})).offenders({"Logon": BOTH})
    assert found.value == ["Logon: successes are not audited"]


def _judged(case: Case, lines: list[dict[str, Any]]) -> Any:
    body = "".join(json.dumps(line) + "\n" for line in [*lines, {"i": "@end"}]).encode("ascii")
    try:
        return all_probes()[case.probe_id].parse(Capture(case.probe_id, body), case.context)
    except CaptureUnreadable:
        return None


@pytest.mark.parametrize("name", MINE)
@given(data=st.data())
def test_hostile_answers_never_break_a_parser(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES[name]))
    lines = [json.loads(line) for line in case.capture.stdout.decode().splitlines()][:-1]
    broken = data.draw(st.sampled_from(lines))
    broken["v"] = data.draw(JSON)
    observation = _judged(case, lines)
    for fact, value in observation.facts.items() if observation else ():
        jsonschema.Draft202012Validator(dict(all_probes()[name].facts[fact])).validate(value)


@pytest.mark.parametrize("name", MINE)
def test_an_item_that_failed_never_makes_a_better_answer(name: str) -> None:
    for case in CASES[name]:
        good = all_probes()[name].parse(case.capture, case.context)
        lines = [json.loads(line) for line in case.capture.stdout.decode().splitlines()][:-1]
        for line in lines:
            failed = {"i": line["i"], "ok": False, "t": "System.UnauthorizedAccessException", "h": 5, "c": "", "e": ""}
            seen = _judged(case, [failed if other is line else other for other in lines])
            for fact, value in seen.facts.items():
                same = value == good.facts[fact] or _same_side(case, fact, value, good.facts[fact])
                assert same or _explained(name, fact), (case.name, line["i"], fact)


def _same_side(case: Case, fact: str, value: Any, good: Any) -> bool:
    """A restart is dated by the next best sign: never as one that waits for less, or for more, than the limit."""
    limit = case.context.values.get("reboot_max_pending_days", 0)
    return fact == "reboot_pending_days" and None not in (value, good) and (value > limit) == (good > limit)


def _explained(name: str, fact: str) -> bool:
    """Of two ways in which the logs leave, the one that can still be seen is named."""
    return (name, fact) == ("windows.log_forwarding", "forwarders")


def test_a_table_that_is_due_for_a_review_is_told() -> None:
    case = replace(CASES["windows.release"][0].context, now=datetime(2027, 11, 22, tzinfo=UTC))
    found = all_probes()["windows.release"].parse(CASES["windows.release"][0].capture, case)
    assert found.facts["support_table_age_days"] == 365
    assert "support_dates" in (support_table().warning(case.now) or "")
