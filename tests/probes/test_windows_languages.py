"""A Windows host in German, French, Japanese or Polish gives the same facts as its twin in English."""

from __future__ import annotations

import pytest

from hardencheck.model.observation import Observation
from hardencheck.probes import all_probes
from tests.probes.cases import Case, all_cases

CASES = {(case.probe_id, case.name): case for case in all_cases() if case.probe_id.startswith("windows.")}
TWINS = [case for case in CASES.values() if case.twin]
LANGUAGES = ("German", "French", "Japanese", "Polish")


def observed(case: Case) -> Observation:
    return all_probes()[case.probe_id].parse(case.capture, case.context)


@pytest.mark.parametrize("case", TWINS, ids=lambda case: f"{case.probe_id}-{case.name}")
def test_a_twin_gives_the_same_facts(case: Case) -> None:
    twin = CASES[case.probe_id, case.twin]
    one, other = observed(case), observed(twin)
    assert case.capture.stdout != twin.capture.stdout, "nothing is translated here"
    assert (one.status, one.facts, set(one.missing)) == (other.status, other.facts, set(other.missing))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_held_by_twins_of_several_probes(language: str) -> None:
    assert len({case.probe_id for case in TWINS if language in case.name + case.twin}) >= 5
