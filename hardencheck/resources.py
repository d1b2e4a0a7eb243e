"""Where the data that ships with hardencheck is: in the wheel, or in a checkout."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """Return the path of the shipped file or folder `name` (`baselines`, `playbooks`, `inventory.example.ini`).

    A wheel carries them under `hardencheck/_shipped`; an editable install falls back to the checkout's top level.
    """
    package = Path(str(files("hardencheck")))
    installed = package / "_shipped" / name
    return installed if installed.exists() else package.parent / name
