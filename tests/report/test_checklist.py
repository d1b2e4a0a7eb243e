"""CKL and CKLB: STIG Manager's importer reads the results that we have, under the names that XCCDF gives them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hardencheck.model.outcome import HostState, Severity
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report import ckl, cklb, rows
from tests.consumers import stig_manager
from tests.report import changing, material
from tests.report.material import LINUX_DESK, WAIVED
from tests.report.test_escape import SAFE

HOSTS = material.hosts()
FORMATS = pytest.mark.parametrize("form", [ckl, cklb], ids=["ckl", "cklb"])


def read(folder: Path, form: Any, *texts: str) -> list[dict[str, Any]]:
    paths = [folder / f"{number}{form.SUFFIX}" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return stig_manager.read(*paths)


@FORMATS
@pytest.mark.parametrize("report", [material.report(), changing.report()], ids=["alone", "compared"])
def test_stig_manager_reads_our_counts(form: Any, report: Report, tmp_path: Path) -> None:
    for host, found in zip(HOSTS, read(tmp_path, form, *(form.render(report, host) for host in HOSTS)), strict=True):
        assert found["target"]["name"] == host.host
        (checklist,) = found["checklists"]
        assert checklist["benchmarkId"] == f"xccdf_hc_benchmark_site-core-{host.platform.value}"
        assert checklist["revisionStr"] == "V1R2.3"
        # what is not reviewed comes with its reason, so the importer takes it for a note
        expected: Counter[str] = Counter()
        for outcome, count in material.counts(host).items():
            expected[stig_manager.REVIEWED.get(outcome, "informational")] += count
        assert stig_manager.counts(found) == expected
        reviews = checklist["reviews"]
        assert [review["ruleId"] for review in reviews] == [rows.rule_name(result.rule_id) for result in host.results]
        for review, result in zip(reviews, host.results, strict=True):
            assert review["detail"].startswith(f"{result.rule_id}: {result.outcome.value}, severity ")
            waived = (host.host, result.rule_id) == WAIVED
            assert ("accepted until 2027-03-31 by Björn" in review["comment"]) == waived


@FORMATS
@pytest.mark.parametrize("word", ["Open", "NotAFinding", "Not_Applicable", "Not_Reviewed"])
def test_stig_manager_s_counts_differ_when_a_status_is_broken(form: Any, word: str, tmp_path: Path) -> None:
    text = form.render(material.report(), HOSTS[0])
    written = {"NotAFinding": "not_a_finding"}.get(word, word.lower()) if form is cklb else word
    around = ('"status": "', '"') if form is cklb else ("<STATUS>", "</STATUS>")
    old = written.join(around)
    assert old in text
    whole, broken = read(tmp_path, form, text, text.replace(old, "Unheard_Of".join(around), 1))
    assert sum(stig_manager.counts(whole).values()) - 1 == sum(stig_manager.counts(broken).values())


@pytest.mark.parametrize(
    ("form", "breaking"),
    [
        (ckl, lambda text: text.replace("HOST_NAME", "HOST_NAMES")),
        (ckl, lambda text: text.replace("<SID_NAME>stigid", "<SID_NAME>stig")),
        (cklb, lambda text: text.replace('"host_name"', '"hostname"')),
        (cklb, lambda text: text[:-3]),
    ],
)
def test_stig_manager_refuses_what_is_broken(form: Any, breaking: Callable[[str], str], tmp_path: Path) -> None:
    (found,) = read(tmp_path, form, breaking(form.render(material.report(), HOSTS[0])))
    assert "error" in found


@FORMATS
def test_a_host_that_was_not_visited_has_every_rule_open(form: Any, tmp_path: Path) -> None:
    pending = HostResult("win-5", HostState.PENDING, platform=HOSTS[3].platform)
    (found,) = read(tmp_path, form, form.render(material.report(), pending))
    assert stig_manager.counts(found) == {"informational": len(HOSTS[3].results)}
    assert all("it was not asked" in review["detail"] for review in found["checklists"][0]["reviews"])


@FORMATS
@pytest.mark.parametrize(
    ("name", "fqdn", "address"), [("10.0.0.7", None, "10.0.0.7"), ("a.example", "a.example", None), ("a b", None, None)]
)
def test_a_name_and_an_address_are_told_apart(
    form: Any, name: str, fqdn: str | None, address: str | None, tmp_path: Path
) -> None:
    (found,) = read(tmp_path, form, form.render(material.report(), replace(HOSTS[0], host=name)))
    assert (found["target"]["name"], found["target"]["fqdn"], found["target"]["ip"]) == (name, fqdn, address)


def test_a_checklist_has_no_severity_below_low() -> None:
    body = json.loads(cklb.render(material.report(), HOSTS[0]))
    told = {rule["rule_version"]: (rule["severity"], rule["finding_details"]) for rule in body["stigs"][0]["rules"]}
    for result in HOSTS[0].results:
        severity, details = told[result.rule_id]
        assert severity == (Severity.LOW if result.severity is Severity.INFO else result.severity).value
        assert f"severity {result.severity.value}\n" in details


def test_a_message_without_end_is_cut_and_says_so(tmp_path: Path) -> None:
    (first, *others) = HOSTS[0].results
    host = replace(HOSTS[0], results=(replace(first, message="x\x00" * 1_000_000), *others))
    (found,) = read(tmp_path, ckl, ckl.render(material.report(), host))
    detail = found["checklists"][0]["reviews"][0]["detail"]
    assert len(detail) < 32767
    assert "... (cut; the JSON report has all of it)" in detail
    assert detail.endswith(f"Evidence: sha256:{material.DIGEST}")


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def test_no_control_character_reaches_a_checklist() -> None:
    for host in HOSTS:
        found = texts(json.loads(cklb.render(material.report(), host)))
        found += [element.text or "" for element in ET.fromstring(ckl.render(material.report(), host)).iter()]
        assert all(SAFE.match(line) for text in found for line in text.split("\n"))


def test_the_order_of_a_finding_is_the_one_of_stig_viewer() -> None:
    vulnerability = ET.fromstring(ckl.render(material.report(), HOSTS[0])).find(".//VULN")
    assert vulnerability is not None
    names = [data.findtext("VULN_ATTRIBUTE") for data in vulnerability.findall("STIG_DATA")]
    assert names[:7] == ["Vuln_Num", "Severity", "Group_Title", "Rule_ID", "Rule_Ver", "Rule_Title", "Vuln_Discuss"]
    rest = [child.tag for child in vulnerability if child.tag != "STIG_DATA"]
    assert rest == ["STATUS", "FINDING_DETAILS", "COMMENTS", "SEVERITY_OVERRIDE", "SEVERITY_JUSTIFICATION"]


@FORMATS
def test_the_same_sweep_gives_the_same_bytes(form: Any) -> None:
    host = next(host for host in HOSTS if host.host == LINUX_DESK)
    turned = replace(host, labels=dict(reversed(list(host.labels.items()))))
    assert form.render(material.report(), host) == form.render(material.report(), turned)
