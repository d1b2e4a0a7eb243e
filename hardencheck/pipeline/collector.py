"""Which scripts a baseline needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

from hardencheck.collect import powershell, script
from hardencheck.collect.gather import Script
from hardencheck.model.baseline import Baseline
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Probe
from hardencheck.probes import PLATFORM_PROBES, all_probes

_BUILD: Mapping[Platform, Callable[[Iterable[Probe]], Script]] = {
    Platform.LINUX: script.build,
    Platform.WINDOWS: powershell.build,
}


def script_for(baseline: Baseline, platform: Platform, *, roster: bool = False) -> Script:
    """Return the collector that feeds every rule of the baseline on one platform.

    What only a roster gives a meaning to is asked only when there is one.
    """
    wanted = {rule.probe for rule in baseline.rules if platform in rule.platforms} | {PLATFORM_PROBES[platform]}
    probes = [all_probes()[probe_id] for probe_id in wanted]
    return _BUILD[platform](probe for probe in probes if roster or not probe.reads_roster)


def scripts_for(baseline: Baseline, platforms: Iterable[Platform], *, roster: bool = False) -> dict[Platform, Script]:
    """Return the collector of each of these platforms."""
    return {platform: script_for(baseline, platform, roster=roster) for platform in sorted(set(platforms))}


def digest_of(scripts: Mapping[Platform, Script]) -> str:
    """Return one SHA-256 for the scripts of a sweep: that of the only one, or that of the list of theirs."""
    if len(scripts) == 1:
        return next(iter(scripts.values())).digest
    lines = "".join(f"{platform} {scripts[platform].digest}\n" for platform in sorted(scripts))
    return hashlib.sha256(lines.encode()).hexdigest()
