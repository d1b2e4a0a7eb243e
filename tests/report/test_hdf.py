"""Heimdall's own library gives every control the status that we mean."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardencheck.model.outcome import Outcome, Severity
from hardencheck.model.report import Report
from hardencheck.report import formats
from hardencheck.report.hdf import render
from tests.consumers import heimdall
from tests.report import changing, material

REPORT = material.report()


def read(folder: Path, *texts: str) -> list[dict[str, Any]]:
    files = [folder / f"{number}.json" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    return heimdall.read(*files)


@pytest.mark.parametrize("report", [REPORT, changing.report()], ids=["alone", "compared"])
def test_every_control_has_the_status_that_we_mean(report: Report, tmp_path: Path) -> None:
    told = read(tmp_path, *(text for _, text in formats.files("hdf", report)))
    for host, found in zip(REPORT.sweep.hosts, told, strict=True):
        expected = {result.rule_id: heimdall.STATUS[result.outcome] for result in host.results}
        if host.host == material.WAIVED[0]:
            expected[material.WAIVED[1]] = "Not Applicable"
        assert found["platform"] == host.host
        assert {name: control["status"] for name, control in found["controls"].items()} == expected


def test_severities_are_read_as_they_were_meant(tmp_path: Path) -> None:
    host = REPORT.sweep.hosts[0]
    (found,) = read(tmp_path, render(REPORT, host))
    told = {result.rule_id: found["controls"][result.rule_id]["severity"] for result in host.results}
    shown = {Severity.HIGH: "high", Severity.MEDIUM: "medium", Severity.LOW: "low", Severity.INFO: "low"}
    assert told == {result.rule_id: shown[result.severity] for result in host.results}


def test_a_waived_failure_is_marked_and_keeps_its_message(tmp_path: Path) -> None:
    host, rule = material.WAIVED
    (found,) = read(tmp_path, render(REPORT, next(each for each in REPORT.sweep.hosts if each.host == host)))
    control = found["controls"][rule]
    assert control["waived"] is True
    assert [name for name, each in found["controls"].items() if each["waived"]] == [rule]
    assert "waiver W-12, ticket CHG-4711" in control["message"]
    assert control["message"].endswith("found 8, wanted at least 14 (waived)\n")


def test_a_rule_of_no_severity_that_fails_does_not_become_not_applicable(tmp_path: Path) -> None:
    host = REPORT.sweep.hosts[0]
    failing = next(result for result in host.results if result.outcome is Outcome.FAIL)
    mild = replace(host, host="mild", results=(replace(failing, severity=Severity.INFO),))
    plain = Report(REPORT.sweep, REPORT.baseline, REPORT.made)
    (found,) = read(tmp_path, render(plain, mild))
    assert found["controls"][failing.rule_id]["status"] == "Failed"


def test_a_broken_file_is_refused_or_told_otherwise(tmp_path: Path) -> None:
    good = render(REPORT, REPORT.sweep.hosts[0])
    word, missing, moved = json.loads(good), json.loads(good), json.loads(good)
    word["profiles"][0]["controls"][0]["results"][0]["status"] = "passing"
    del missing["profiles"][0]["sha256"]
    failed = next(c for c in moved["profiles"][0]["controls"] if c["results"][0]["status"] == "failed")
    failed["impact"] = 0
    first, second, third, whole = read(tmp_path, *map(json.dumps, (word, missing, moved)), good)
    assert "error" in first
    assert "error" in second
    assert third["controls"][failed["id"]]["status"] == "Not Applicable"
    assert third["controls"][failed["id"]]["status"] != whole["controls"][failed["id"]]["status"]
