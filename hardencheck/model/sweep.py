"""One run over hosts and a baseline: what was in scope, how far it got, what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hardencheck.model.outcome import HostState, Platform, Severity
from hardencheck.model.result import RuleResult


@dataclass(frozen=True, slots=True)
class HostResult:
    """What a sweep knows of one host: how far it got and every rule's result.

    `reason` is a stable code (`host_key_changed`, `no_privilege`, ...) and `message` its sentence; both are empty for
    a host that was reached. `system` is what it runs ("Debian GNU/Linux 12"). `skew` is the host's clock minus ours,
    in seconds. `manifest` is the digest of the list of its captures.
    """

    host: str
    state: HostState
    reason: str = ""
    message: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    system: str = ""
    skew: float | None = None
    duration: float = 0.0
    manifest: str | None = None
    results: tuple[RuleResult, ...] = ()
    platform: Platform = Platform.LINUX


@dataclass(frozen=True, slots=True)
class Sweep:
    """One run, with its results as far as they are known; times are UTC in ISO 8601 with `Z`.

    `settings` are the arguments that a resumed run needs again (inventory paths, limit, selection), never secrets.
    `roster_digest` is the digest of the roster that hosts are judged by, None when there is none.
    """

    id: str
    started: str
    finished: str | None
    baseline_id: str
    baseline_version: str
    baseline_digest: str
    collector_digest: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    hosts: tuple[HostResult, ...] = ()
    roster_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The (host, rule) problem over time; times are UTC in ISO 8601, `closed` is None while it is open."""

    host: str
    rule_id: str
    severity: Severity
    opened: str
    last_seen: str
    closed: str | None
    reopened: int
    message: str
