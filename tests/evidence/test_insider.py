"""Somebody who may write the database and has the key rewrites history: an earlier checkpoint convicts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hardencheck.evidence import dsse, statement
from hardencheck.evidence.chain import checkpoint_of, log_of
from hardencheck.evidence.checkpoint import Checkpoint
from hardencheck.evidence.merkle import consistency_proof, grew, leaf_hash, root
from hardencheck.evidence.source import StoreSource
from hardencheck.storage import Store, open_store
from hardencheck.storage.chain import Snapshot
from tests.evidence.chains import KEY, broken, history, insider, seal, sweep_id
from tests.storage import samples


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(samples.database(tmp_path)) as opened:
        yield opened


def rewrite(store: Store, number: int) -> None:
    """Change a sealed host and make the chain anew from there on with the true key, as if it had always been so."""
    with insider(store) as connection:
        connection.exec_driver_sql("UPDATE sweep_host SET message = message || 'x' WHERE sweep = ?", (number + 1,))
        source, view = StoreSource(Snapshot(connection)), Snapshot(connection)
        links = list(view.links())
        envelopes = [link.envelope for link in links[:number]]
        for link in links[number:]:
            hashes = [leaf_hash(leaf) for _, leaf in source.leaves(link)]
            said = statement.read(dsse.unwrap(link.envelope, [KEY.verifier]).payload)
            counts = statement.Counts(**said.predicate["counts"])
            forged = statement.of_sweep(view.sweep(str(link.sweep_id)), root(hashes), counts, log_of(envelopes))
            envelopes.append(dsse.wrap(forged, KEY))
            connection.exec_driver_sql(
                "UPDATE chain SET envelope = ?, leaves = ? WHERE position = ?",
                (envelopes[-1], b"".join(hashes), link.position),
            )


def test_an_earlier_checkpoint_convicts_who_rewrites_what_came_before_it_and_nobody_else(store: Store) -> None:
    history(store, 6, "agent1", "agent2")
    for number in (5, 3, 1, 0, 4, 2):
        checkpoints = [checkpoint_of(store.envelopes()[:size]) for size in range(1, 7)]
        assert {broken(store, each) for each in checkpoints} == {""}
        rewrite(store, number)
        assert broken(store) == "", "nothing in the store itself tells"
        for checkpoint in checkpoints:
            said = broken(store, checkpoint)
            if number == 0:
                assert "belongs to another store, or everything was rewritten" in said
            elif checkpoint.size > number:
                assert said.startswith(f"the first {checkpoint.size} links of the chain (up to sweep ")
                assert said.endswith("history was rewritten")
            else:
                assert said == "", "what came after a checkpoint can be rewritten unseen by it"


def test_the_consistency_proof_says_the_same(store: Store) -> None:
    history(store, 5, "agent1")
    old = checkpoint_of(store.envelopes()[:3])
    for number, kept in ((4, True), (2, False)):
        rewrite(store, number)
        leaves = [leaf_hash(each) for each in store.envelopes()]
        new = checkpoint_of(store.envelopes())
        assert grew((old.size, old.root), (new.size, new.root), consistency_proof(leaves, old.size)) is kept
        assert (broken(store, old) == "") is kept


def test_history_that_is_swept_anew_is_another_log(tmp_path: Path) -> None:
    with open_store(tmp_path / "true.db") as store:
        history(store, 2, "agent1")
        early = checkpoint_of(store.envelopes())
    with open_store(tmp_path / "false.db") as store:
        history(store, 3, "agent1")
        assert broken(store) == ""
        assert "belongs to another store" in broken(store, early)


def test_a_forged_tail_is_convicted_by_a_later_checkpoint_alone(store: Store) -> None:
    history(store, 4, "agent1")
    early, late = checkpoint_of(store.envelopes()[:2]), checkpoint_of(store.envelopes())
    with insider(store) as connection:
        for table, where in (("chain", "position >= 2"), ("sweep_host", "sweep >= 3"), ("sweep", "number >= 3")):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE {where}")
    assert broken(store) == broken(store, early) == "", "what came after the last checkpoint can be cut off unseen"
    assert broken(store, late).startswith("the chain has 2 links, expected the 4 ")
    for number in (2, 3):
        seal(store, number, samples.record("agent1", samples.rule_result("rule-1"), sweep_id=sweep_id(number)))
    assert broken(store) == broken(store, early) == ""
    assert "history was rewritten" in broken(store, late)
    assert f"the first 4 links of the chain (up to sweep {sweep_id(3)})" in broken(store, late)


def test_a_checkpoint_of_another_size_proves_nothing(store: Store) -> None:
    history(store, 2, "agent1")
    now = checkpoint_of(store.envelopes())
    assert "the last ones are gone" in broken(store, replace(now, size=3))
    assert "history was rewritten" in broken(store, replace(now, size=1))
    assert "another store" in broken(store, Checkpoint("hardencheck/0000000000000000", now.size, now.root))
