from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardencheck.storage import Store, open_store
from tests.storage.samples import database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(database(tmp_path)) as opened:
        yield opened
