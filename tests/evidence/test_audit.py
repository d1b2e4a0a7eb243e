"""Acts of remediation are links of the chain: told as they were sealed, and nobody edits, swaps or drops one unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, update

from hardencheck.evidence import audit
from hardencheck.evidence.chain import purge
from hardencheck.model.audit import Act
from hardencheck.model.capture import digest
from hardencheck.model.codec import canonical
from hardencheck.storage import Store, blobs, open_store
from hardencheck.storage.schema import blob, chain
from tests.evidence.chains import KEY, broken, history, insider, proved
from tests.storage import samples

RECORDS: dict[Act, dict[str, object]] = {
    Act.PLAN: {"plan": "plan-1", "steps": 2},
    Act.APPROVE: {"plan": "plan-1", "run": "run-1"},
    Act.UNDO: {"run": "run-1", "hosts": {"w\u00fcrz\udcff": "restored"}},
}
SECOND = digest(canonical(RECORDS[Act.APPROVE]))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(samples.database(tmp_path)) as opened:
        history(opened, 2, "agent1", "agent2")
        with opened.lock("test", kind="remediation"):
            for number, (act, record) in enumerate(RECORDS.items()):
                audit.write(opened, act, record, (f"2026-11-22T03:00:0{number}Z", "ana@desk"), KEY)
        yield opened


def test_acts_are_told_in_their_order_and_proved_with_the_sweeps(store: Store) -> None:
    found = list(audit.read(store))
    assert [(each.act, each.record) for each in found] == list(RECORDS.items())
    assert [(each.position, each.at, each.by) for each in found][1] == (3, "2026-11-22T03:00:01Z", "ana@desk")
    verified = proved(store)
    assert (verified.sweeps, verified.acts) == (2, 3)


def _forged(connection: Connection) -> None:
    forged = blobs.packed(digest(b'{"run":"run-2"}'), b'{"run":"run-2"}')
    blobs.insert(connection, [forged])
    connection.execute(update(chain).where(chain.c.position == 3).values(record=forged.digest))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_forged, "link 3 of the chain (remediation): it seals "),
        (lambda c: c.execute(update(chain).where(chain.c.position == 3).values(record=None)), "link 3 of the chain"),
        (lambda c: c.execute(update(chain).where(chain.c.position == 1).values(record=SECOND)), "link 1 of the chain"),
        (lambda c: c.execute(update(blob).where(blob.c.digest == SECOND).values(data=b"x")), f"evidence {SECOND}"),
        (lambda c: c.execute(delete(blob).where(blob.c.digest == SECOND)), f"evidence {SECOND}"),
        (lambda c: c.execute(delete(chain).where(chain.c.position == 3)), "link 3 of the chain is missing"),
    ],
)
def test_a_changed_act_is_seen(store: Store, change: Callable[[Connection], object], said: str) -> None:
    with insider(store) as connection:
        change(connection)
    assert said in broken(store)


def test_a_purge_leaves_acts_alone(store: Store) -> None:
    with store.lock("test", kind="purge"):
        assert purge(store, "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", KEY).sweeps == 2
    assert [each.record for each in audit.read(store)] == list(RECORDS.values())
    assert proved(store).acts == 3
