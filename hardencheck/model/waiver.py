"""A justified, approved acceptance of one failing rule until a day; an overlay on results, never an outcome."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from hardencheck.model.codec import canonical
from hardencheck.model.result import RuleResult
from hardencheck.model.sweep import HostResult
from hardencheck.model.wording import MAX_ITEMS

#: a waiver lasts at most so long, and is called expiring so many days before its end
MAX_DAYS = 365
WARN_DAYS = 30

#: facts that grow by themselves from day to day: that they fail is accepted, not the number of today
_AGE = re.compile(
    r"(^|_)(?<!max_)(?<!min_)age_(days|hours)$|^days_since_|_days_left$|_pending_days$|_silent_hours$|^last_\w+_minutes$"
)


class WaiverState(StrEnum):
    """How a waiver stands at one moment, and on the results of one sweep."""

    IN_FORCE = "in_force"
    EXPIRING = "expiring"  #: in force, and for no more than WARN_DAYS days
    EXPIRED = "expired"
    NOT_BEGUN = "not_begun"  #: the day on which it was granted is still to come
    SUSPENDED = "suspended"  #: what is observed now is not what was accepted, on every host that fails
    IDLE = "idle"  #: nothing that it could cover fails in this sweep


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry of a waivers file. Exactly one of `hosts`, `groups` and `clients` has members.

    `expires` is the last day (UTC) on which it holds. `observed` are the digests (`observed_digest`) of the values that
    were accepted: a failure with another value is not covered.
    """

    id: str
    rule_id: str
    reason: str
    ticket: str
    requester: str
    approver: str
    granted: date
    expires: date
    compensating_control: str
    observed: frozenset[str]
    hosts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()

    def concerns(self, host: HostResult) -> bool:
        """Whether a host is in its scope."""
        return (
            host.host in self.hosts
            or any(group in self.groups for group in host.groups)
            or host.labels.get("client") in self.clients
        )

    def scope(self) -> str:
        """Return its scope in words."""
        kinds = (("host", self.hosts), ("group", self.groups), ("client", self.clients))
        return "; ".join(f"{kind} {', '.join(names)}" for kind, names in kinds if names)

    def state_at(self, now: datetime) -> WaiverState:
        """Say by the calendar alone how it stands; the last day counts until its end in UTC."""
        today = now.astimezone(UTC).date()
        if today > self.expires:
            return WaiverState.EXPIRED
        if today < self.granted:
            return WaiverState.NOT_BEGUN
        return WaiverState.EXPIRING if self.expires - today <= timedelta(WARN_DAYS) else WaiverState.IN_FORCE


def observed_digest(result: RuleResult) -> str:
    """Return the SHA-256 of what a failing result observed: what a waiver is bound to.

    It holds each failing fact with its value, without the place where it was read and without what was expected. A
    list that was cut is bound to the whole capture, because what is left out may change; an age is bound to its name.
    """
    facts = {reason.fact: _bound(reason.fact, reason.observed, result.evidence) for reason in result.reasons}
    return sha256(canonical(facts if facts else {"": result.message})).hexdigest()


def _bound(fact: str, observed: Any, evidence: str | None) -> Mapping[str, Any]:
    if _AGE.search(fact) and isinstance(observed, int | float) and not isinstance(observed, bool):
        return {"age": True}
    if isinstance(observed, list) and len(observed) >= MAX_ITEMS:
        return {"value": observed, "evidence": evidence}
    return {"value": observed}
