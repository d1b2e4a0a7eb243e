"""ARF: OpenSCAP finds it valid, draws a page from it, and the XCCDF in it is valid too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report import arf
from tests.consumers import openscap
from tests.report import changing, material
from tests.report.test_xccdf import HOSTS, NS, results, valid, validate

XCCDF = f"{{{NS['x']}}}"


def written(folder: Path, text: str) -> Path:
    path = folder / "host.arf.xml"
    path.write_text(text, encoding="utf-8")
    return path


def taken_out(path: Path) -> str:
    """Return the XCCDF of an ARF as one document: the Benchmark that was asked, with the TestResult that was told."""
    root = ET.parse(path).getroot()
    (benchmark,) = root.iter(f"{XCCDF}Benchmark")
    (result,) = root.iter(f"{XCCDF}TestResult")
    benchmark.append(result)
    return ET.tostring(benchmark, encoding="unicode")


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.host)
@pytest.mark.parametrize("report", [material.report(), changing.report()], ids=["alone", "compared"])
def test_openscap_finds_it_valid(report: Report, host: HostResult, tmp_path: Path) -> None:
    path = written(tmp_path, arf.render(report, host))
    assert openscap.complaint_of_arf(path) == ""
    valid(tmp_path, taken_out(path))
    assert len(results(path.read_text())) == len(host.results)


def test_openscap_tells_whom_it_is_about(tmp_path: Path) -> None:
    done = openscap.run("info", written(tmp_path, arf.render(material.report(), HOSTS[0])))
    assert (done.returncode, done.stderr) == (0, "")
    said = [line.split(":")[0].strip() for line in done.stdout.splitlines()]
    assert said[0] == "Document type"
    assert {"Asset", "ARF report", "Report request", "Result ID"} <= set(said)


def test_openscap_draws_a_page_with_what_every_rule_found(tmp_path: Path) -> None:
    done = openscap.run("xccdf", "generate", "report", written(tmp_path, arf.render(material.report(), HOSTS[0])))
    assert done.returncode == 0
    shown = [result for result in HOSTS[0].results if result.outcome is not Outcome.NOTSELECTED]
    assert all(f"{result.rule_id}: {result.outcome.value}, severity" in done.stdout for result in shown)
    assert HOSTS[0].host in done.stdout
    assert "<script>alert(1)" not in done.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("core:relationships", "core:relations"),
        ('subject="report-', 'subj="report-'),
        ('<ai:synthetic-id resource="urn:hardencheck:host"', "<ai:synthetic-id"),
        ("assets>", "hosts>"),
    ],
)
def test_openscap_refuses_what_is_broken(old: str, new: str, tmp_path: Path) -> None:
    text = arf.render(material.report(), HOSTS[0])
    assert old in text
    broken = text.replace(old, new)
    assert openscap.run("ds", "rds-validate", written(tmp_path, broken)).returncode != 0


def test_a_broken_result_in_it_is_found_once_it_is_taken_out(tmp_path: Path) -> None:
    broken = arf.render(material.report(), HOSTS[0]).replace("<result>fail</result>", "<result>failed</result>", 1)
    path = written(tmp_path, broken)
    assert openscap.run("ds", "rds-validate", path).returncode == 0
    assert validate(tmp_path, taken_out(path)).returncode == 2


@pytest.mark.parametrize(
    "name", ["10.0.0.7", "2001:db8::1", "fe80::1%eth0", "desk.example.test", "a.b_c.test", "x..y", "ä.example"]
)
def test_whatever_the_inventory_calls_a_host_is_valid(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, arf.render(material.report(), replace(HOSTS[0], host=name)))
    done = openscap.run("ds", "rds-validate", path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
