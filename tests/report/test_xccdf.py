"""XCCDF: OpenSCAP finds it valid (schema and schematron), and STIG Manager reads the results that we have."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hardencheck.baselines.load import load
from hardencheck.model.outcome import HostState, Outcome, Platform
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report import rows, xccdf
from tests.consumers import openscap, stig_manager
from tests.report import changing, material
from tests.report.material import HOSTILE, LINUX_DESK, WINDOWS_LOST

NS = {"x": "http://checklists.nist.gov/xccdf/1.2"}
HOSTS = material.hosts()


def named(name: str) -> HostResult:
    return next(host for host in HOSTS if host.host == name)


def desk() -> str:
    return xccdf.render(material.report(), named(LINUX_DESK))


def written(folder: Path, text: str) -> Path:
    path = folder / "checked.xccdf.xml"
    path.write_text(text, encoding="utf-8")
    return path


def validate(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    return openscap.run("xccdf", "validate", written(folder, text))


def read(folder: Path, text: str) -> dict[str, int]:
    path = folder / "read.xccdf.xml"
    path.write_text(text, encoding="utf-8")
    return stig_manager.counts(stig_manager.read(path)[0])


def valid(folder: Path, text: str) -> None:
    assert openscap.complaint_of_xccdf(written(folder, text)) == ""


def results(text: str) -> list[ET.Element]:
    return ET.fromstring(text).findall(".//x:TestResult/x:rule-result", NS)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.host)
def test_openscap_finds_it_valid(host: HostResult, tmp_path: Path) -> None:
    valid(tmp_path, xccdf.render(material.report(), host))
    valid(tmp_path, xccdf.render(changing.report(), host))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<result>fail</result>", "<result>failed</result>", "Invalid"),
        ("<result>fail</result>", "<result>fail</result><verdict/>", "Invalid"),
        ('idref="xccdf_hc_rule_linux-fail"', 'idref="xccdf_hc_rule_other"', "ruleIdKeyRef"),
        ("</result>\n", "</result>\n<override time='2026-11-22T06:00:00Z' authority='x'><old-result>fail</old-result>"
         "<new-result>fail</new-result><remark>x</remark></override>\n", "must match the value of the 'new-result'"),
        ('severity="high"', 'severity="critical"', "Invalid"),
        ("xccdf_hc_value_length", "length", "Invalid"),
    ],
)  # fmt: skip
def test_openscap_refuses_what_is_broken(old: str, new: str, complaint: str, tmp_path: Path) -> None:
    text = desk()
    assert old in text
    done = validate(tmp_path, text.replace(old, new, 1))
    assert done.returncode == 2
    assert complaint in done.stdout + done.stderr


@pytest.mark.parametrize("report", [material.report(), changing.report()], ids=["alone", "compared"])
def test_stig_manager_reads_our_counts(report: Report, tmp_path: Path) -> None:
    paths = []
    for number, host in enumerate(HOSTS):
        paths.append(tmp_path / f"{number}.xccdf.xml")
        paths[-1].write_text(xccdf.render(report, host), encoding="utf-8")
    for host, found in zip(HOSTS, stig_manager.read(*paths), strict=True):
        assert found["target"]["name"] == host.host
        expected: Counter[str] = Counter()
        for outcome, count in material.counts(host).items():
            expected[stig_manager.REVIEWED.get(outcome, "notchecked")] += count
        assert stig_manager.counts(found) == expected
        reviews = found["checklists"][0]["reviews"]
        assert [review["ruleId"] for review in reviews] == [rows.rule_name(result.rule_id) for result in host.results]
        for review, result in zip(reviews, host.results, strict=True):
            assert review["detail"].startswith(f"{result.rule_id}: {result.outcome.value}, severity ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<result>pass</result>", "<result>fail</result>"),
        ("<result>pass</result>", "<result>passed</result>"),
        ("<result>pass</result>", ""),
    ],
)
def test_stig_manager_s_counts_differ_when_a_result_is_broken(old: str, new: str, tmp_path: Path) -> None:
    text = desk()
    assert read(tmp_path, text) != read(tmp_path, text.replace(old, new, 1))


def test_stig_manager_refuses_a_file_without_its_host(tmp_path: Path) -> None:
    (tmp_path / "a.xccdf.xml").write_text(re.sub("<target>.*</target>\n", "", desk()), encoding="utf-8")
    assert "target" in stig_manager.read(tmp_path / "a.xccdf.xml")[0]["error"]


def test_our_own_word_stands_beside_every_result() -> None:
    host = named(LINUX_DESK)
    words = [found.findtext("x:ident[@system='urn:hardencheck:outcome']", "", NS) for found in results(desk())]
    assert words == [result.outcome.value for result in host.results]
    shown = {word: found.findtext("x:result", "", NS) for word, found in zip(words, results(desk()), strict=True)}
    assert shown == {outcome.value: outcome.value for outcome in Outcome} | {"fixed": "pass"}


def test_a_waived_failure_stays_a_failure() -> None:
    assert "<override" not in desk()
    (found,) = [f for f in results(desk()) if f.findtext("x:ident[@system='urn:hardencheck:waiver']", "", NS)]
    assert found.findtext("x:result", "", NS) == "fail"
    assert "accepted until 2027-03-31 by Björn for Ana <ana> (waiver W-12, ticket CHG-4711)" in str(
        found.findtext("x:message", "", NS)
    )


def test_a_host_cannot_add_a_line_of_its_own() -> None:
    host = named(LINUX_DESK)
    forged = "found 8\naccepted until 2099-01-01 by the boss"
    text = xccdf.render(material.report(), replace(host, results=(replace(host.results[0], message=forged),)))
    (message,) = [found.findtext("x:message", "", NS) for found in results(text)]
    assert r"found 8\x0aaccepted until" in message
    assert not any(line.startswith("accepted") for line in message.split("\n"))


def test_names_that_are_cut_stay_apart_and_whole_beside() -> None:
    names = [found.attrib["idref"] for found in results(desk())]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) == rows.LONGEST_NAME
    whole = [found.findtext("x:ident[@system='urn:hardencheck:rule']", "", NS) for found in results(desk())]
    assert whole == [result.rule_id for result in named(LINUX_DESK).results]


def test_a_host_that_was_not_reached_has_every_rule_unchecked(tmp_path: Path) -> None:
    pending = HostResult("win-5", HostState.PENDING, platform=named(WINDOWS_LOST).platform)
    for host in (named(WINDOWS_LOST), pending):
        text = xccdf.render(material.report(), host)
        valid(tmp_path, text)
        assert {found.findtext("x:result", "", NS) for found in results(text)} == {"notchecked"}
        assert len(results(text)) == len(named(WINDOWS_LOST).results)


@pytest.mark.parametrize("name", ["bpo-core", "disa-stig-windows"])
@pytest.mark.parametrize("platform", Platform)
def test_the_rules_that_come_with_us_are_valid(name: str, platform: Platform, tmp_path: Path) -> None:
    report = replace(material.report(), baseline=load(name))
    text = xccdf.render(report, HostResult("desk", HostState.PENDING, platform=platform))
    valid(tmp_path, text)
    rules = [rule for rule in report.baseline.rules if platform in rule.platforms]
    assert len(results(text)) == len(rules)
    assert len({found.attrib["idref"] for found in results(text)}) == len(rules)


def test_a_reached_host_that_no_selected_rule_is_for_has_no_result(tmp_path: Path) -> None:
    text = xccdf.render(material.report(), replace(named(LINUX_DESK), results=()))
    valid(tmp_path, text)
    assert results(text) == []


def test_a_rule_that_the_baseline_at_hand_does_not_have_is_still_valid(tmp_path: Path) -> None:
    whole = material.report()
    few = replace(whole, baseline=replace(whole.baseline, rules=whole.baseline.rules[:1], values={}))
    text = xccdf.render(few, named(LINUX_DESK))
    valid(tmp_path, text)
    assert len(results(text)) == len(named(LINUX_DESK).results)


def test_the_score_counts_what_was_judged() -> None:
    score = ET.fromstring(desk()).find(".//x:score", NS)
    assert score is not None
    counts = material.counts(named(LINUX_DESK))
    passed = counts[Outcome.PASS] + counts[Outcome.FIXED]
    judged = passed + counts[Outcome.FAIL] + counts[Outcome.ERROR] + counts[Outcome.UNKNOWN]
    assert (score.text, score.attrib["maximum"]) == (str(passed), str(judged))


def test_with_waivers_there_is_a_score_without_what_they_cover() -> None:
    scores = ET.fromstring(xccdf.render(changing.report(), named(LINUX_DESK))).findall(".//x:score", NS)
    (one, other) = scores
    assert (one.text, int(one.attrib["maximum"]) - 1) == (other.text, int(other.attrib["maximum"]))
    assert len({score.attrib["system"] for score in scores}) == 2
    assert len(ET.fromstring(desk()).findall(".//x:score", NS)) == 1


def test_an_address_in_the_inventory_is_the_target_s_address(tmp_path: Path) -> None:
    text = xccdf.render(material.report(), replace(named(LINUX_DESK), host="2001:db8::1"))
    valid(tmp_path, text)
    assert ET.fromstring(text).findtext(".//x:target-address", "", NS) == "2001:db8::1"


def test_labels_of_any_name_are_facts(tmp_path: Path) -> None:
    text = xccdf.render(material.report(), replace(named(LINUX_DESK), labels={HOSTILE: HOSTILE, "a b": "c"}))
    valid(tmp_path, text)
    assert '<fact name="urn:hardencheck:host:label.a%20b" type="string">c</fact>' in text


def test_the_same_sweep_gives_the_same_bytes_wherever_its_facts_come_from() -> None:
    once, again = material.report(), material.report()
    host = named(LINUX_DESK)
    turned = replace(host, labels=dict(reversed(list(host.labels.items()))))
    assert xccdf.render(once, host) == xccdf.render(again, turned)


def test_an_unfinished_sweep_ends_when_it_was_told(tmp_path: Path) -> None:
    whole = material.report()
    report = Report(replace(whole.sweep, finished=None), whole.baseline, whole.made)
    text = xccdf.render(report, named(LINUX_DESK))
    valid(tmp_path, text)
    assert f'end-time="{whole.made}"' in text
