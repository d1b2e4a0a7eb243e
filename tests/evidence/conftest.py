"""What several tests of evidence share."""

from __future__ import annotations

import pytest

from hardencheck.evidence.chain import checkpoint_of
from hardencheck.storage import open_store
from tests.evidence.fleets import both, packed
from tests.evidence.packs import Made, content_of


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    with open_store(folder / "s" / "h.db") as store:
        sweeps = both(store)
        path, envelopes = packed(store, folder / "acme.zip"), store.envelopes()
    checkpoints = [checkpoint_of(envelopes[:size]) for size in range(1, len(envelopes) + 1)]
    return Made(path, content_of(path), sweeps, checkpoints)
