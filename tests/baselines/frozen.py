"""The frozen baseline in tests/data: where it is, and a copy in which a test may break one thing."""

from __future__ import annotations

import shutil
from pathlib import Path

FROZEN = Path(__file__).parents[1] / "data" / "baselines" / "frozen"
HEAD = "baseline.yaml"
PRIVILEGED = "identity/linux-collector-privileged.yaml"
KNOWN = "identity/linux-distribution-known.yaml"
CONTAINER = "place/linux-container-none.yaml"


def copied(folder: Path) -> Path:
    """Return a copy of the frozen baseline below this folder."""
    return Path(shutil.copytree(FROZEN, folder / "frozen"))


def edit(path: Path, old: str, new: str) -> int:
    """Replace the one place where `old` stands, and return its line."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path}: {old!r} stands {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1
