"""Which script a baseline needs."""

from __future__ import annotations

from hardencheck.collect.script import Script, build
from hardencheck.model.baseline import Baseline
from hardencheck.model.outcome import Platform
from hardencheck.probes import PLATFORM_PROBES, all_probes


def script_for(baseline: Baseline, platform: Platform = Platform.LINUX) -> Script:
    """Return the collector that feeds every rule of the baseline on one platform."""
    wanted = {rule.probe for rule in baseline.rules if platform in rule.platforms}
    return build(all_probes()[probe_id] for probe_id in wanted | {PLATFORM_PROBES[platform]})
