"""What the consumer of each format counts in a report, once it has accepted the report: by host, in its own words.

A format that says nothing of an outcome has no word for it. Where a consumer counts over all hosts, the host is "".
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from junitparser import JUnitXml
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from hardencheck.model.outcome import Outcome
from hardencheck.report import html_page
from hardencheck.report.json import SCHEMA
from tests.consumers import heimdall, openscap, oscal, promtool, sarif, stig_manager
from tests.report.browser import browser
from tests.report.test_arf import taken_out
from tests.report.test_prometheus import outcomes as series
from tests.report.test_sarif import NO_HOME_PAGE

Counts = dict[str, Counter[str]]

_OURS = {outcome: outcome.value for outcome in Outcome}
_PASSED = (Outcome.PASS, Outcome.FIXED)
_UNTOLD = (Outcome.UNKNOWN, Outcome.ERROR, Outcome.NOTCHECKED)
#: the table of outcomes as the browser shows it: its first two columns
_OUTCOMES = """[...[...document.querySelectorAll('table')]
  .find(table => table.caption.innerText.startsWith('Outcomes of this sweep')).tBodies[0].rows]
  .map(row => [...row.cells].slice(0, 2).map(cell => cell.innerText))"""


@dataclass(frozen=True)
class Reader:
    """How a format is read: `words` says what each outcome is called there, `waived` what a waived failure is.

    `suffix` is what its consumer wants the file's name to end in.
    """

    read: Callable[[Path], Counts]
    words: Mapping[Outcome, str]
    waived: str
    suffix: str = ""

    def expected(self, results: Mapping[tuple[str, str], Outcome], waived: tuple[str, str]) -> Counts:
        """Return what must be counted for these results, by host and rule, of which one is waived."""
        found: Counts = {}
        for key, outcome in results.items():
            found.setdefault(key[0], Counter())[self.waived if key == waived else self.words.get(outcome, "")] += 1
        for counts in found.values():
            del counts[""]
        return found


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _each(complaint: Callable[[Path], str], paths: list[Path]) -> None:
    """Ask for each file, two at a time; none may be complained of."""
    with ThreadPoolExecutor(2) as pool:
        said = {path.name: complaint for path, complaint in zip(paths, pool.map(complaint, paths), strict=True)}
    assert {name: words for name, words in said.items() if words} == {}


def _stig_manager(paths: list[Path]) -> Counts:
    return {found["target"]["name"]: Counter(stig_manager.counts(found)) for found in stig_manager.read(*paths)}


def _checklist(folder: Path) -> Counts:
    return _stig_manager(_files(folder))


def _xccdf(folder: Path) -> Counts:
    _each(openscap.complaint_of_xccdf, _files(folder))
    return _stig_manager(_files(folder))


def _arf(folder: Path) -> Counts:
    _each(openscap.complaint_of_arf, _files(folder))
    inside = folder.with_name("xccdf-of-arf")
    inside.mkdir()
    for path in _files(folder):
        (inside / f"{path.name.partition('.')[0]}.xml").write_text(taken_out(path), encoding="utf-8")
    return _stig_manager(_files(inside))


def _hdf(folder: Path) -> Counts:
    found = heimdall.read(*_files(folder))
    return {each["platform"]: Counter(control["status"] for control in each["controls"].values()) for each in found}


def _csv(path: Path) -> Counts:
    found: Counts = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["host"], Counter())[row["outcome"]] += 1
    return found


def _json(path: Path) -> Counts:
    body = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(body)
    return {each["host"]: Counter(result["outcome"] for result in each["results"]) for each in body["sweep"]["hosts"]}


def _html(path: Path) -> Counts:
    with browser(path.with_name("profile")) as page:
        page.open(path)
        rows = page.run(_OUTCOMES)
        assert (page.requested(), page.complaints()) == ([path.as_uri()], [])
    return {"": Counter({name: int(count.replace(",", "")) for name, count in rows if name != "accepted"})}


def _junit(path: Path) -> Counts:
    found: Counts = {}
    for suite in JUnitXml.fromstring(path.read_bytes()):
        _, *results = suite
        found[suite.name] = Counter(type(case.result[0]).__name__ if case.result else "passed" for case in results)
    return found


def _ocsf(path: Path) -> Counts:
    found: Counts = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        read = ComplianceFinding.model_validate_json(line, strict=True)
        assert read.resources
        found.setdefault(str(read.resources[0].name), Counter())[str(read.compliance.status_id)] += 1
    return found


def _oscal(path: Path) -> Counts:
    oscal.schema().validate(json.loads(path.read_text(encoding="utf-8")))
    (found,) = oscal.trestle([path])
    return {"": Counter({name: int(count) for name, count in found.items() if name != "observations"})}


def _prometheus(path: Path) -> Counts:
    text = path.read_text(encoding="utf-8")
    checked = promtool.run("check", "metrics", given=text)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    found: Counts = {}
    for (host, outcome, _), count in series(text).items():
        found.setdefault(host, Counter())[outcome] += count
    return found


def _sarif(path: Path) -> Counts:
    body = json.loads(path.read_text(encoding="utf-8"))
    sarif.schema().validate(body)
    assert {found["ruleId"] for found in sarif.complaints(path)} <= {NO_HOME_PAGE}
    (run,) = body["runs"]
    found: Counts = {}
    for word, each in _places(run):
        host = each["locations"][0]["logicalLocations"][0]["name"]
        found.setdefault(host, Counter())[word] += 1
    return found


def _places(run: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in run["results"]:
        yield "suppressed" if each["suppressions"] else "result", each
    for each in run["invocations"][0]["toolExecutionNotifications"]:
        if "associatedRule" in each:
            yield "notification", each


def _reviews(other: str) -> dict[Outcome, str]:
    return {outcome: stig_manager.REVIEWED.get(outcome, other) for outcome in Outcome}


_HTML = {outcome: word for outcome, (word, _) in html_page.GLOSSARY.items()}
_SKIPPED = dict.fromkeys(Outcome, "Skipped")
_JUNIT = {**_SKIPPED, Outcome.PASS: "passed", Outcome.FIXED: "passed", Outcome.FAIL: "Failure",
          Outcome.ERROR: "Error", Outcome.UNKNOWN: "Error"}  # fmt: skip
_OCSF = {
    **dict.fromkeys(Outcome, "99"),
    **dict.fromkeys(_PASSED, "1"),
    Outcome.FAIL: "3",
    **dict.fromkeys(_UNTOLD, "0"),
}
_OSCAL = {**dict.fromkeys(_PASSED, "satisfied"), Outcome.FAIL: "not-satisfied"}

READERS = {
    "arf": Reader(_arf, _reviews("notchecked"), "fail"),
    "ckl": Reader(_checklist, _reviews("informational"), "fail"),
    "cklb": Reader(_checklist, _reviews("informational"), "fail"),
    "csv": Reader(_csv, _OURS, "fail"),
    "hdf": Reader(_hdf, heimdall.STATUS, "Not Applicable"),
    "html": Reader(_html, _HTML, "fail", ".html"),
    "json": Reader(_json, _OURS, "fail"),
    "junit": Reader(_junit, _JUNIT, "Skipped"),
    "ocsf": Reader(_ocsf, _OCSF, "3"),
    "oscal": Reader(_oscal, _OSCAL, "not-satisfied", ".json"),
    "prometheus": Reader(_prometheus, _OURS, "fail"),
    "sarif": Reader(_sarif, {Outcome.FAIL: "result", **dict.fromkeys(_UNTOLD, "notification")}, "suppressed"),
    "xccdf": Reader(_xccdf, _reviews("notchecked"), "fail"),
}
