"""A plan of remediation: exactly which playbook is to change what on which host, for which rule, with which values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Touches:
    """What a playbook may change, as it declares it itself; what undo can put back follows from it.

    `files` are paths, `services` systemd units or Windows services, `registry` keys (`HKLM:\\...`), `policies` names of
    the security policy and of what else Windows keeps beside the registry (`hardencheck.remediate.guard_windows` lists
    them), `kernel` what is loaded into the kernel, beside the files that it is loaded from at boot
    (`nftables`, `audit`). `packages` says that packages may be installed, `accounts` that accounts may be locked or
    expired. `irreversible` is a sentence about what no undo brings back, empty when everything can be undone.
    """

    files: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    registry: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    kernel: tuple[str, ...] = ()
    packages: bool = False
    accounts: bool = False
    irreversible: str = ""

    def __or__(self, other: Touches) -> Touches:
        """Return what either may change."""
        lists = {
            name: tuple(dict.fromkeys([*getattr(self, name), *getattr(other, name)]))
            for name in ("files", "services", "registry", "policies", "kernel")
        }
        return Touches(
            packages=self.packages or other.packages,
            accounts=self.accounts or other.accounts,
            irreversible="; ".join(filter(None, dict.fromkeys([self.irreversible, other.irreversible]))),
            **lists,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One failing rule on one host, and the playbook that puts it right.

    `values` are the baseline's values that the playbook reads, as they hold for this host. `found` is what the sweep
    said of it.
    """

    host: str
    rule_id: str
    playbook: str
    risk: str
    values: Mapping[str, Any]
    found: str


@dataclass(frozen=True, slots=True)
class Manual:
    """One failing rule on one host that no playbook puts right: what a person has to do, and why it takes one."""

    host: str
    rule_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be changed after one sweep; times are UTC in ISO 8601 with `Z`.

    `playbooks` is the digest of all playbooks, so that what was planned is what is run; `touches` maps each playbook
    that a step names to what it may change.
    """

    id: str
    created: str
    expires: str
    sweep: str
    baseline_id: str
    baseline_version: str
    baseline_digest: str
    steps: tuple[Step, ...]
    playbooks: str
    manual: tuple[Manual, ...] = ()
    touches: Mapping[str, Touches] = field(default_factory=dict)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that are to be changed, in the order of the inventory."""
        return tuple(dict.fromkeys(step.host for step in self.steps))
