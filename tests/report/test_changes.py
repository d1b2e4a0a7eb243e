"""Every format says why a result changed, and why a waiver does not cover a failure, where the documents say it does.

What a consumer's own library hands on is read with it: a sentence that it drops would be missing here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
from junitparser import JUnitXml
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from hardencheck.model.report import Report
from hardencheck.report import diff, formats, rows
from hardencheck.report.waivers import uncovered
from tests.consumers import node, stig_manager
from tests.report import changing, material
from tests.report.test_xccdf import NS

Key = tuple[str, str]
#: (host, rule) -> all that a file says of the result
Said = Mapping[Key, str]
HOSTS = material.hosts()
DOCS = Path(__file__).parents[2] / "docs" / "reports.md"


def written(folder: Path, texts: list[str], suffix: str) -> list[Path]:
    paths = [folder / f"{number}{suffix}" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def reviews(folder: Path, texts: list[str], suffix: str, place: str) -> Said:
    said = {}
    for host, found in zip(HOSTS, stig_manager.read(*written(folder, texts, suffix)), strict=True):
        names = {rows.rule_name(result.rule_id): result.rule_id for result in host.results}
        for review in found["checklists"][0]["reviews"]:
            said[host.host, names[review["ruleId"]]] = review[place] or ""
    return said


def as_arf(texts: list[str], _: Path) -> Said:
    return {
        (host.host, found.findtext("x:ident[@system='urn:hardencheck:rule']", "", NS)): found.findtext(
            "x:message", "", NS
        )
        for host, text in zip(HOSTS, texts, strict=True)
        for found in ET.fromstring(text).iter(f"{{{NS['x']}}}rule-result")
    }


def as_hdf(texts: list[str], folder: Path) -> Said:
    done = node.run("inspec.mjs", *written(folder, texts, ".json"))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {
        (each["platform"], rule): control["message"] for each in found for rule, control in each["controls"].items()
    }


def as_junit(texts: list[str], _: Path) -> Said:
    suites = JUnitXml.fromstring(texts[0].encode())
    return {(suite.name, case.name.split()[0]): case.system_out for suite in suites for case in [*suite][1:]}


def as_ocsf(texts: list[str], _: Path) -> Said:
    events = [ComplianceFinding.model_validate_json(line, strict=True) for line in texts[0].splitlines()]
    return {(str(each.resources[0].name), str(each.compliance.control)): each.status_detail or "" for each in events}


def as_oscal(texts: list[str], _: Path) -> Said:
    (result,) = json.loads(texts[0])["assessment-results"]["results"]
    hosts = {
        each["uuid"]: next(prop["value"] for prop in each["props"] if prop["name"] == "host")
        for each in result["local-definitions"]["inventory-items"]
    }
    return {
        (
            hosts[each["subjects"][0]["subject-uuid"]],
            next(prop["value"] for prop in each["props"] if prop["name"] == "rule"),
        ): each.get("remarks", "").replace("\\", "")
        for each in result["observations"]
    }


def as_sarif(texts: list[str], _: Path) -> Said:
    (run,) = json.loads(texts[0])["runs"]
    notes = [each for each in run["invocations"][0]["toolExecutionNotifications"] if "associatedRule" in each]
    said = {}
    for each in [*run["results"], *notes]:
        ours = each["properties"]
        rule = each["ruleId"] if "ruleId" in each else each["associatedRule"]["id"]
        said[ours["host"], rule] = f"{ours.get('waiver', '')} {ours.get('change', {}).get('said', '')}"
    said |= {(each["host"], each["rule"]): each["change"]["said"] for each in run["properties"]["absent"]}
    return said


def as_csv(texts: list[str], _: Path) -> Said:
    """Return the sentences that the columns stand for."""
    table = csv.DictReader(io.StringIO(texts[0]))
    return {
        (row["host"], row["rule_id"]): f"{row['outcome_before'] or '-'} {row['changed_because']} "
        f"{row['not_covered_because']}"
        for row in table
    }


def as_json(texts: list[str], _: Path) -> Said:
    body = json.loads(texts[0])
    said = {
        (each["host"], each["rule_id"]): f"{each['before'] or '-'} {' '.join(each['causes'])}"
        for each in body["changes"]["changes"]
    }
    for standing in body["waivers"]["standing"]:
        for host in [*standing["suspended"], *standing["lapsed"]]:
            said[host, standing["rule_id"]] = f"{standing['id']} {standing['state']}"
    return said


class Place(NamedTuple):
    """Where a format says it, as the documents have it; `read` returns what the file says of each result."""

    change: str
    waiver: str
    read: Callable[[list[str], Path], Said]


PLACES = {
    "json": Place("`changes`", "`waivers`", as_json),
    "csv": Place("`outcome_before`, `changed_because`", "`waiver`, `waived_until`, `not_covered_because`", as_csv),
    "xccdf": Place("`message`", "`ident`, `message`, a second `score`",
                   lambda texts, folder: reviews(folder, texts, ".xccdf.xml", "detail")),
    "arf": Place("as XCCDF", "as XCCDF", as_arf),
    "ckl": Place("`COMMENTS`", "`COMMENTS`", lambda texts, folder: reviews(folder, texts, ".ckl", "comment")),
    "cklb": Place("`comments`", "`comments`", lambda texts, folder: reviews(folder, texts, ".cklb", "comment")),
    "hdf": Place("the text that readers show of the result", "`waiver_data`, the same text", as_hdf),
    "junit": Place("`system-out`", "`skipped`, `system-out`", as_junit),
    "ocsf": Place("`status_detail`, `unmapped.change`", "`status`, `status_detail`, `unmapped.waiver`", as_ocsf),
    "oscal": Place("the observation's `remarks` and props", "a risk; `remarks` of observation and result", as_oscal),
    "sarif": Place("`baselineState`, `properties.change`; the run's `absent`",
                   "`suppressions`, `properties.waiver`; the run's `waivers`", as_sarif),
}  # fmt: skip
#: formats that say it otherwise, each tested with its own
OTHERS = {
    "html": ("a section; a mark at the finding", "a section, by how they stand; the finding"),
    "prometheus": ("`hardencheck_changes`, by cause and kind", "label `waived`; `hardencheck_waivers`, by state"),
}
#: formats without a place for some results
WITHOUT = {"sarif": {(material.LINUX_DESK, "linux-notapplicable")}}
#: formats for programs, that say a change in words of their own rather than in the sentence
WORDED = ("csv", "json")


def expected(name: str) -> dict[Key, str]:
    """What each result must have beside it: the changed ones, and those that a waiver names and does not cover."""
    report, found = changing.report(), {}
    for key, (before, causes) in changing.CHANGED.items():
        change = diff.changed(report, *key)
        assert change is not None
        words = f"{before or '-'} {' '.join(causes)}"
        found[key] = words if name in WORDED else diff.sentence(change, changing.BEFORE)
    for key in (changing.LAPSED, changing.SUSPENDED):
        host = next(host for host in HOSTS if host.host == key[0])
        found[key] = uncovered(report, host)[key[1]]
    if name == "json":
        found |= {changing.LAPSED: "W-1 expired", changing.SUSPENDED: "W-2 suspended"}
    return found


def listed(name: str, report: Report, folder: Path) -> set[Key]:
    """Return the results beside which a file says what it must."""
    said = PLACES[name].read([text for _, text in formats.files(name, report)], folder)
    return {key for key, words in expected(name).items() if words in said.get(key, "")}


@pytest.mark.parametrize("name", PLACES)
def test_each_result_says_why_it_changed_and_why_a_waiver_does_not_cover_it(name: str, tmp_path: Path) -> None:
    lapsed = {changing.LAPSED, changing.SUSPENDED}
    changed = set(changing.CHANGED) - WITHOUT.get(name, set())
    assert listed(name, changing.report(), tmp_path) == lapsed | changed
    unchanged = replace(changing.report(), changes=replace(changing.comparison(), changes=()))
    assert listed(name, unchanged, tmp_path) == lapsed, "a sentence that is gone is noticed"
    assert listed(name, replace(changing.report(), waivers=()), tmp_path) == changed


@pytest.mark.parametrize("name", [name for name in PLACES if name not in WORDED])
def test_no_other_result_speaks_of_a_change(name: str, tmp_path: Path) -> None:
    said = PLACES[name].read([text for _, text in formats.files(name, changing.report())], tmp_path)
    speaking = {key for key, words in said.items() if "changed since" in words}
    assert speaking - {changing.GONE} == set(changing.CHANGED) - WITHOUT.get(name, set())
    assert not any("changed since" in text for _, text in formats.files(name, material.report()))


def test_the_same_outcome_with_another_value_is_no_change() -> None:
    assert changing.comparison().of(*changing.SAME) is not None
    assert diff.changed(changing.report(), *changing.SAME) is None
    assert {(each.host, each.rule_id) for each in diff.told(changing.report())} == {*changing.CHANGED, changing.GONE}


def test_a_sentence_names_the_sweep_the_steps_and_the_causes() -> None:
    change = diff.changed(changing.report(), *material.WAIVED)
    assert change is not None
    assert diff.sentence(change, changing.BEFORE) == (
        f"changed since sweep {changing.BEFORE}: fail -> fail (waived); why: a waiver began, ended or was suspended"
    )


def test_where_another_waiver_covers_the_failure_a_lapsed_one_is_not_spoken_of() -> None:
    report = changing.report()
    again = replace(changing.standings()[1], rule_id=material.WAIVED[1])
    host = next(host for host in HOSTS if host.host == material.LINUX_DESK)
    assert material.WAIVED[1] not in uncovered(replace(report, waivers=(again,)), host)
    assert material.WAIVED[1] in uncovered(replace(report, waivers=(again,), waived={}), host)


def test_the_documents_say_where() -> None:
    places = {name: (place.change, place.waiver) for name, place in PLACES.items()} | OTHERS
    assert sorted(places) == list(formats.names())
    lines = [f"| {name} | {' | '.join(places[name])} |" for name in sorted(places)]
    assert "\n".join(lines) in DOCS.read_text()
