"""What can be asked of a host. A probe is a module with a `PROBE`; its id is its module path below this package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Probe


@cache
def all_probes() -> dict[str, Probe]:
    """Return every probe by id, found by walking this package; raises ValueError when an id is not its module path."""
    found: dict[str, Probe] = {}
    for info in pkgutil.walk_packages(__path__, prefix=f"{__name__}."):
        probe = getattr(importlib.import_module(info.name), "PROBE", None)
        if probe is None:
            continue
        expected = info.name.removeprefix(f"{__name__}.")
        if probe.id != expected:
            raise ValueError(f"{info.name}: PROBE.id is {probe.id}, expected {expected}")
        found[probe.id] = probe
    return dict(sorted(found.items()))


#: asked on every host of the platform: who we are there, and what the other parsers need to know
PLATFORM_PROBES = {Platform.LINUX: "linux.platform", Platform.WINDOWS: "windows.platform"}
