"""Which script a baseline needs."""

from __future__ import annotations

from hardencheck.collect.script import Script, build
from hardencheck.model.baseline import Baseline
from hardencheck.model.outcome import Platform
from hardencheck.probes import PLATFORM_PROBES, all_probes


def script_for(baseline: Baseline, platform: Platform = Platform.LINUX, *, roster: bool = False) -> Script:
    """Return the collector that feeds every rule of the baseline on one platform.

    What only a roster gives a meaning to is asked only when there is one.
    """
    wanted = {rule.probe for rule in baseline.rules if platform in rule.platforms} | {PLATFORM_PROBES[platform]}
    probes = [all_probes()[probe_id] for probe_id in wanted]
    return build(probe for probe in probes if roster or not probe.reads_roster)
