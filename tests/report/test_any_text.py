"""Whatever a host sends and whatever it is called, each reader still reads the file, and reads one host."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.report import Report
from hardencheck.report import hdf, junit, ocsf, oscal, prometheus, sarif
from hardencheck.report.escape import term
from tests.consumers.oscal import schema
from tests.report import material

#: halves of characters and control characters too
ANY = st.text(st.characters(exclude_categories=()), max_size=40)


def said(name: str, message: str) -> Report:
    """One host of this name, that says this wherever a host can say something."""
    report = material.report()
    host = report.sweep.hosts[0]
    failing = next(result for result in host.results if result.outcome is Outcome.FAIL)
    odd = replace(
        host, host=name, state=HostState.PARTIAL, reason="no_privilege", message=message, system=message,
        labels={"client": message}, groups=(message,), results=(replace(failing, message=message, reasons=()),),
    )  # fmt: skip
    return Report(replace(report.sweep, hosts=(odd,)), report.baseline, report.made)


@settings(max_examples=60)
@given(ANY.filter(str.strip), ANY)
def test_any_text_can_be_read_back(name: str, message: str) -> None:
    report = said(name, message)
    (suite,) = JUnitXml.fromstring(junit.render(report).encode())
    assert (suite.name, suite.failures, suite.errors) == (term(name), 1, 1)

    families = list(text_string_to_metric_families(prometheus.render(report)))
    assert {s.labels["host"] for family in families for s in family.samples if s.labels} == {term(name)}

    (line,) = ocsf.render(report).splitlines()
    assert ComplianceFinding.model_validate_json(line, strict=True).resources[0].name == term(name)

    schema().validate(json.loads(oscal.render(report)))

    (run,) = json.loads(sarif.render(report))["runs"]
    assert run["results"][0]["locations"][0]["logicalLocations"][0]["name"] == term(name)

    assert json.loads(hdf.render(report, report.sweep.hosts[0]))["platform"]["target_id"] == term(name)
