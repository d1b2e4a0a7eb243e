"""Real lab hosts, and a folder for playbooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.fixtures import lab  # noqa: F401  the fixture
from tests.lab.lab import Lab
from tests.remediate.acting import Stage


@pytest.fixture
def stage(lab: Lab, tmp_path: Path) -> Stage:  # noqa: F811
    folder = tmp_path / "playbooks"
    folder.mkdir()
    return Stage(lab, folder, tmp_path / "pins")
