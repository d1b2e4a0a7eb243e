"""Every line is a Compliance Finding to py-ocsf-models, and nothing that we wrote is unknown to it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from pydantic import ValidationError

from hardencheck.model.outcome import Outcome, Severity
from hardencheck.model.report import Report
from hardencheck.report.ocsf import render
from hardencheck.report.projection import shown
from tests.report import changing, material

REPORT = material.report()
RESULTS = [(host, result) for host in REPORT.sweep.hosts for result in host.results]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


WRITTEN = lines(render(REPORT))


@pytest.mark.parametrize("report", [REPORT, changing.report()], ids=["alone", "compared"])
def test_every_line_is_a_compliance_finding_and_is_read_whole(report: Report) -> None:
    text = render(report)
    assert len(lines(text)) == len(RESULTS)
    for line, event in zip(text.splitlines(), lines(text), strict=True):
        read = ComplianceFinding.model_validate_json(line, strict=True).model_dump(mode="json", exclude_unset=True)
        # the schema has compliance.status (recommended), py-ocsf-models 0.10 has not
        assert read | {"compliance": event["compliance"]} == event
        assert read["compliance"] == {name: value for name, value in event["compliance"].items() if name != "status"}


def test_the_statuses_are_our_counts_and_our_words_stand_beside_them() -> None:
    assert Counter(event["compliance"]["status_id"] for event in WRITTEN) == Counter(
        shown(REPORT, host, result)[0].ocsf for host, result in RESULTS
    )
    assert [event["status_code"] for event in WRITTEN] == [result.outcome.value for _, result in RESULTS]
    assert {event["compliance"]["status"] for event in WRITTEN if event["compliance"]["status_id"] == 99} == {
        Outcome.NOTAPPLICABLE.value, Outcome.NOTSELECTED.value, Outcome.INFORMATIONAL.value,
    }  # fmt: skip


def test_only_a_pass_is_a_pass() -> None:
    passed = {event["status_code"] for event in WRITTEN if event["compliance"]["status_id"] == 1}
    assert passed == {Outcome.PASS.value, Outcome.FIXED.value}


def test_severities_are_ours() -> None:
    numbers = {Severity.INFO: 1, Severity.LOW: 2, Severity.MEDIUM: 3, Severity.HIGH: 4}
    assert [event["severity_id"] for event in WRITTEN] == [numbers[result.severity] for _, result in RESULTS]


def test_a_waived_failure_is_a_suppressed_failure_and_what_was_put_right_is_resolved() -> None:
    states = {(event["resources"][0]["name"], event["compliance"]["control"]): event.get("status") for event in WRITTEN}
    assert [key for key, state in states.items() if state == "Suppressed"] == [material.WAIVED]
    assert {rule for (_, rule), state in states.items() if state == "Resolved"} == {"linux-fixed", "windows-fixed"}
    waived = next(event for event in WRITTEN if event.get("status") == "Suppressed")
    assert (waived["status_code"], waived["compliance"]["status_id"], waived["status_id"]) == ("fail", 3, 3)
    assert "waiver W-12" in waived["status_detail"]


def test_a_result_that_changed_says_since_when_from_what_and_why() -> None:
    changes = {
        (event["resources"][0]["name"], event["compliance"]["control"]): event["unmapped"]["change"]
        for event in lines(render(changing.report()))
        if event["unmapped"]["change"]
    }
    told = {key: (each["since"], each["before"], tuple(each["causes"])) for key, each in changes.items()}
    assert told == {key: (changing.BEFORE, *found) for key, found in changing.CHANGED.items()}
    assert {event["unmapped"]["change"] for event in WRITTEN} == {None}


def test_a_finding_keeps_its_name_from_sweep_to_sweep_and_an_event_does_not() -> None:
    later = lines(render(replace(REPORT, sweep=replace(REPORT.sweep, id="20261123T013000Z-000000"))))
    assert [e["finding_info"]["uid"] for e in later] == [e["finding_info"]["uid"] for e in WRITTEN]
    assert len({e["finding_info"]["uid"] for e in WRITTEN}) == len(WRITTEN)
    assert not {e["metadata"]["uid"] for e in later} & {e["metadata"]["uid"] for e in WRITTEN}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("compliance", "status_id"), 7),
        (("severity_id",), "high"),
        (("type_uid",), 2004),
        (("finding_info", "uid"), None),
        (("time",), "2026-11-22T01:31:40Z"),
    ],
)
def test_a_wrong_field_is_refused(path: tuple[str, ...], wrong: object) -> None:
    event = json.loads(json.dumps(WRITTEN[0]))
    place = event
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = wrong
    with pytest.raises(ValidationError):
        ComplianceFinding.model_validate(event)


def test_a_field_that_the_class_does_not_have_is_noticed() -> None:
    event = {**WRITTEN[0], "sevrity": "High"}
    read = ComplianceFinding.model_validate(event).model_dump(mode="json", exclude_unset=True)
    assert read | {"compliance": event["compliance"]} != event
