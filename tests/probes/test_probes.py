"""Every probe: its recorded captures give the expected facts, its schema is strict, its script is clean POSIX sh."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import jsonschema
import pytest

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.outcome import Platform, Status
from hardencheck.model.probe import Probe
from hardencheck.probes import all_probes
from hardencheck.probes.output import PRELUDE
from tests.probes.cases import Case, all_cases

PROBES = list(all_probes().values())
LINUX = [probe for probe in PROBES if probe.platform is Platform.LINUX]
CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.probe_id}-{case.name}")
def test_capture_gives_the_expected_facts(case: Case) -> None:
    probe = all_probes()[case.probe_id]
    try:
        observation = probe.parse(case.capture, case.context)
    except CaptureUnreadable:
        observation = None
    if observation is None or case.status is Status.ERROR:
        assert observation is None or observation.status is Status.ERROR
        assert case.status is Status.ERROR
        return
    assert observation.status is case.status, observation
    assert {name: observation.facts.get(name, "(no such fact)") for name in case.facts} == case.facts
    assert set(case.missing) <= set(observation.missing)
    assert case.reason in observation.reason
    for fact, where in case.read_from.items():
        assert where in observation.read_from.get(fact, "")
    if observation.status is Status.COMPLETE:
        assert set(observation.facts) == set(probe.facts), "a complete observation holds every fact"
    if observation.status is Status.INCOMPLETE:
        assert set(observation.facts) | set(observation.missing) == set(probe.facts)
        assert not set(observation.facts) & set(observation.missing)
    if observation.status not in (Status.COMPLETE, Status.INCOMPLETE):
        assert observation.reason, "whoever cannot tell says why"
    for name, value in observation.facts.items():
        jsonschema.Draft202012Validator(dict(probe.facts[name])).validate(value)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_every_probe_has_a_capture_and_a_degraded_one(probe: Probe) -> None:
    mine = [case for case in CASES if case.probe_id == probe.id]
    assert any(case.status is Status.COMPLETE for case in mine), f"record tests/data/probes/{probe.id}.yaml"
    assert any(case.status is not Status.COMPLETE for case in mine), "add a case with a tool missing or no permission"


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_fact_schemas_are_strict(probe: Probe) -> None:
    for name, schema in probe.facts.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert not _loose(schema), f"{probe.id}: {name}: {_loose(schema)}"


def _loose(schema: Any) -> str:
    """Name the first place where a fact's schema says nothing about its type; JSON Schema is open by default."""
    if "type" not in schema and "enum" not in schema and "const" not in schema:
        return f"no type in {schema}"
    if "array" in schema.get("type", ""):
        return _loose(schema["items"]) if "items" in schema else f"no items in {schema}"
    if "object" in schema.get("type", ""):
        if schema.get("additionalProperties") is False:
            if set(schema.get("required", ())) != set(schema["properties"]):
                return f"not all required in {schema}"
            return next(filter(None, map(_loose, schema["properties"].values())), "")
        if "additionalProperties" not in schema:
            return f"open object {schema}"
        return _loose(schema["additionalProperties"])
    return ""


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_a_script_shows_what_it_was_asked_for(probe: Probe) -> None:
    asked = {word for words in probe.asks.values() for word in words}
    for name in probe.parameters:
        if f"${name}" in asked or re.search(rf"\b{name}\b", probe.script):
            assert f"run 'asked {name}' printf '%s\\n' \"${name}\"\n" in probe.script


@pytest.mark.parametrize("probe", LINUX, ids=lambda probe: probe.id)
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_script_parses(probe: Probe, shell: str) -> None:
    subprocess.run([shell, "-n"], input=PRELUDE + probe.script, text=True, check=True)


@pytest.mark.parametrize("probe", LINUX, ids=lambda probe: probe.id)
def test_script_passes_shellcheck(probe: Probe) -> None:
    script = f"#!/bin/sh\n{PRELUDE}\n{probe.script}"
    done = subprocess.run(["shellcheck", "-"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_the_docstring_is_the_manual_page(probe: Probe) -> None:
    module = __import__(f"hardencheck.probes.{probe.id}", fromlist=["PROBE"])
    for heading in ("Reads:", "Needs:", "Absent when:"):
        assert heading in (module.__doc__ or ""), f"{probe.id}: the docstring lacks {heading!r}"
