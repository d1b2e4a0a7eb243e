"""A sweep's roster in the store: there from the beginning, the same bytes, and nothing else passes for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from hardencheck.errors import EvidenceError, StoreError
from hardencheck.model.capture import digest
from hardencheck.model.roster import Person, Roster, Standing
from hardencheck.storage import Store
from tests.storage import samples

PEOPLE = Roster((Person("1", "carl", Standing.LEFT, date(2026, 10, 30)), Person("2", "ana", Standing.ACTIVE)))


def test_a_sweep_keeps_its_roster(store: Store) -> None:
    planned = replace(samples.sweep("agent1"), roster_digest=PEOPLE.digest)
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE, PEOPLE.to_bytes())
    assert store.sweep("last") == planned
    found = store.roster(store.header("last"))
    assert found is not None
    assert found.digest == PEOPLE.digest
    assert set(found.people) == set(PEOPLE.people)


def test_a_sweep_without_a_roster_has_none(store: Store) -> None:
    planned = samples.sweep("agent1")
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE)
    assert store.roster(planned) is None


def test_a_roster_that_is_not_handed_over_is_missed_at_once(store: Store) -> None:
    planned = replace(samples.sweep("agent1"), roster_digest=PEOPLE.digest)
    with store.lock(planned.id), pytest.raises(StoreError):
        store.begin(planned, samples.BASELINE)
    assert store.sweeps() == ()


def test_other_evidence_is_no_roster(store: Store) -> None:
    planned = samples.sweep("agent1")
    with store.lock(planned.id):
        store.begin(planned, samples.BASELINE)
    with pytest.raises(EvidenceError, match="it is no roster"):
        store.roster(replace(planned, roster_digest=digest(samples.BASELINE)))
