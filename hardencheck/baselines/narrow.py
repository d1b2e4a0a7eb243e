"""Cuts a site's baseline and waivers down to what concerns some of its hosts: those of one client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hardencheck.model.baseline import Baseline, Tailoring, TailoringScope
from hardencheck.model.sweep import HostResult
from hardencheck.model.waiver import Waiver

#: The value that says which group belongs to which process unit, as `UNIT=GROUP`.
UNIT_GROUPS = "unit_groups"


def narrow(baseline: Baseline, hosts: Iterable[HostResult]) -> Baseline:
    """Return the baseline with the tailoring for everyone, the groups of these hosts and these hosts alone.

    These hosts are judged by it as by the whole one.
    """
    found = list(hosts)
    names, groups = {host.host for host in found}, {group for host in found for group in host.groups}
    tailoring = baseline.tailoring
    return replace(
        baseline,
        tailoring=Tailoring(tailoring.everyone, _of(tailoring.groups, groups), _of(tailoring.hosts, names)),
    )


def units_named(baseline: Baseline) -> frozenset[str]:
    """Return the process units that the value `unit_groups` names, for anybody: what `Roster.narrowed` has to keep."""
    tailoring = baseline.tailoring
    scopes = (tailoring.everyone, *tailoring.groups.values(), *tailoring.hosts.values())
    lists = [scope.values[UNIT_GROUPS] for scope in scopes if UNIT_GROUPS in scope.values]
    lists += [value.default for name, value in baseline.values.items() if name == UNIT_GROUPS]
    return frozenset(pair.rpartition("=")[0] for pairs in lists for pair in pairs)


def narrow_waivers(waivers: Iterable[Waiver], hosts: Iterable[HostResult]) -> tuple[Waiver, ...]:
    """Return the waivers that concern any of these hosts, each without the hosts, groups and clients that do not.

    A waiver covers the same of these hosts as before.
    """
    found = list(hosts)
    names, groups = {host.host for host in found}, {group for host in found for group in host.groups}
    clients = {host.labels["client"] for host in found if "client" in host.labels}
    cut = (
        replace(
            waiver,
            hosts=tuple(name for name in waiver.hosts if name in names),
            groups=tuple(name for name in waiver.groups if name in groups),
            clients=tuple(name for name in waiver.clients if name in clients),
        )
        for waiver in waivers
    )
    return tuple(waiver for waiver in cut if waiver.hosts or waiver.groups or waiver.clients)


def _of(scopes: Mapping[str, TailoringScope], names: set[str]) -> dict[str, TailoringScope]:
    return {name: scope for name, scope in scopes.items() if name in names}
