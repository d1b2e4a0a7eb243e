"""compliance-trestle and OSCAL's schema read our Assessment Results, and no reference in them hangs in the air.

Neither reader follows references, and a made-up state slips through one validator that is in use: so both are checked
here too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardencheck.model.outcome import HostState
from hardencheck.model.report import Report
from hardencheck.report.identity import stable_uuid
from hardencheck.report.oscal import render
from hardencheck.report.projection import shown
from tests.consumers import oscal
from tests.report import changing, material

REPORT = material.report()
DOCUMENT: dict[str, Any] = json.loads(render(REPORT))
BARE = Report(replace(REPORT.sweep, hosts=(), finished=None), replace(REPORT.baseline, description=""), REPORT.made)


def result_of(document: dict[str, Any]) -> Any:
    return document["assessment-results"]["results"][0]


def values(part: Any, *names: str) -> Iterator[str]:
    """Every string below `part` that stands under one of these names."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in names and isinstance(value, str):
                yield value
            yield from values(value, *names)
    elif isinstance(part, list):
        for each in part:
            yield from values(each, *names)


def dangling(document: dict[str, Any]) -> set[str]:
    """References to a UUID or an objective that the document does not define."""
    body = document["assessment-results"]
    defined = set(values(body, "uuid")) | set(values(body["local-definitions"], "id"))
    used = set(values(body, "subject-uuid", "observation-uuid", "risk-uuid", "target-id"))
    used |= {href.removeprefix("#") for href in values(body, "href") if href.startswith("#")}
    return used - defined


def expected() -> Counter[str]:
    found = Counter(shown(REPORT, host, result)[0].oscal for host in REPORT.sweep.hosts for result in host.results)
    del found[""]
    return found


def test_the_schema_accepts_it_and_the_counts_are_ours() -> None:
    oscal.schema().validate(DOCUMENT)
    result = result_of(DOCUMENT)
    assert Counter(found["target"]["status"]["state"] for found in result["findings"]) == expected()
    assert len(result["observations"]) == sum(len(host.results) for host in REPORT.sweep.hosts)
    words = [prop["value"] for seen in result["observations"] for prop in seen["props"] if prop["name"] == "outcome"]
    assert Counter(words) == sum((material.counts(host) for host in REPORT.sweep.hosts), Counter())


def test_trestle_reads_it_and_counts_the_same_and_refuses_what_is_broken(tmp_path: Path) -> None:
    state, uuid, zone = deepcopy(DOCUMENT), deepcopy(DOCUMENT), deepcopy(DOCUMENT)
    result_of(state)["findings"][0]["target"]["status"]["state"] = "mostly"
    result_of(uuid)["observations"][0]["uuid"] = "one"
    zone["assessment-results"]["metadata"]["last-modified"] = "2026-11-22 06:00"
    gone = deepcopy(DOCUMENT)
    del result_of(gone)["findings"][0]
    texts = [render(REPORT), render(changing.report()), render(BARE), *map(json.dumps, (state, uuid, zone, gone))]
    files = [tmp_path / f"{number}.json" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    ours = {**expected(), "observations": len(result_of(DOCUMENT)["observations"])}
    whole, compared, bare, *broken, short = oscal.trestle(files)
    assert whole == compared == ours
    assert bare == {"observations": 0}
    assert [list(each) for each in broken] == [["error"]] * 3
    assert short != ours


@pytest.mark.parametrize("name", ["state", "uuid", "empty"])
def test_the_schema_refuses_what_is_broken(name: str) -> None:
    broken = deepcopy(DOCUMENT)
    match name:
        case "state":
            result_of(broken)["findings"][0]["target"]["status"]["state"] = "mostly"
        case "uuid":
            result_of(broken)["observations"][0]["uuid"] = "one"
        case "empty":
            result_of(broken)["risks"] = []
    assert not oscal.schema().is_valid(broken)


def test_no_reference_hangs_in_the_air_and_no_uuid_is_twice() -> None:
    assert dangling(DOCUMENT) == set()
    uuids = list(values(DOCUMENT, "uuid"))
    assert len(set(uuids)) == len(uuids)


@pytest.mark.parametrize("name", ["observation-uuid", "risk-uuid", "subject-uuid", "target-id"])
def test_a_reference_into_the_air_is_noticed(name: str) -> None:
    one = next(values(DOCUMENT, name))
    broken = json.loads(json.dumps(DOCUMENT).replace(f'"{name}": "{one}"', f'"{name}": "{one[:-1]}-"'))
    assert dangling(broken) == {f"{one[:-1]}-"}


def test_a_sweep_without_hosts_and_without_an_end_is_still_a_document() -> None:
    oscal.schema().validate(json.loads(render(BARE)))


def test_a_waived_failure_stays_unsatisfied_with_an_approved_deviation() -> None:
    (risk,) = result_of(DOCUMENT)["risks"]
    (finding,) = [found for found in result_of(DOCUMENT)["findings"] if "related-risks" in found]
    assert finding["related-risks"] == [{"risk-uuid": risk["uuid"]}]
    assert finding["target"] == {
        "type": "objective-id",
        "target-id": material.WAIVED[1],
        "status": {"state": "not-satisfied", "reason": "fail"},
    }
    assert (risk["status"], risk["deadline"]) == ("deviation-approved", "2027-03-31T23:59:59Z")
    assert "waiver W-12, ticket CHG-4711" in risk["statement"]
    assert [factor["description"] for factor in risk["mitigating-factors"]] == ["Locked room"]


def test_an_observation_says_what_it_was_and_why_it_changed() -> None:
    document = json.loads(render(changing.report()))
    oscal.schema().validate(document)
    assert dangling(document) == set()
    told = {}
    for seen in result_of(document)["observations"]:
        ours = {prop["name"]: prop["value"] for prop in seen["props"]}
        if "changed-since" in ours:
            told[seen["uuid"]] = (ours["changed-since"], ours["outcome-before"], ours["changed-because"])
    names = {(host, rule): stable_uuid("oscal", REPORT.sweep.id, "observation", host, rule)
             for host, rule in changing.CHANGED}  # fmt: skip
    assert told == {
        names[key]: (changing.BEFORE, before.value if before else "not judged", " ".join(causes))
        for key, (before, causes) in changing.CHANGED.items()
    }
    assert "changed-since" not in set(values(DOCUMENT, "name"))


def test_waivers_that_need_attention_are_listed() -> None:
    remarks = result_of(json.loads(render(changing.report())))["remarks"].split("\n\n")
    assert [remark.split(":")[0] for remark in remarks[1:]] == ["expired", "suspended", "expiring within 30 days"]
    assert "remarks" not in result_of(DOCUMENT)


def test_a_control_is_called_as_nist_s_catalog_calls_it() -> None:
    rule = replace(REPORT.baseline.rules[0], references={"nist-800-53r5": ("AC-2(3)", "SC-7", "all of them")})
    other = replace(REPORT.baseline.rules[1], references={"pci-dss-4.0.1": ("8.2.8",)})
    host = replace(REPORT.sweep.hosts[0], state=HostState.PENDING, results=())
    report = Report(replace(REPORT.sweep, hosts=(host,)), replace(REPORT.baseline, rules=(rule, other)), REPORT.made)
    result = result_of(json.loads(render(report)))
    chosen = result["reviewed-controls"]["control-selections"][0]["include-controls"]
    assert [each["control-id"] for each in chosen] == ["ac-2.3", other.id, "sc-7"]


def test_names_that_a_site_chose_fit_into_oscal() -> None:
    rule = replace(REPORT.baseline.rules[0], references={"27001-site": ("5.1",)})
    host = replace(REPORT.sweep.hosts[0], labels={"Größe (m)": "12", "9": "x", "empty": " "}, results=())
    lost = replace(host, state=HostState.UNREACHABLE, message="")
    report = Report(replace(REPORT.sweep, hosts=(lost,)), replace(REPORT.baseline, rules=(rule,)), REPORT.made)
    document = json.loads(render(report))
    oscal.schema().validate(document)
    names = set(values(document, "name"))
    assert {"_27001-site", "label.Gr__e__m_", "label.9"} <= names
    assert "label.empty" not in names


def test_what_a_host_sent_is_no_markup() -> None:
    hostile = next(each for each in result_of(DOCUMENT)["observations"] if "script" in each["description"])
    assert r"\<script\>alert(1)\</script\> \]\]\>" in hostile["description"]
