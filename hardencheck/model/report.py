"""What a report is written from: nothing else is known to a writer, neither the store nor the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hardencheck.model.attestation import Attested
from hardencheck.model.baseline import Baseline
from hardencheck.model.change import Comparison
from hardencheck.model.sweep import Sweep
from hardencheck.model.waiver import WaiverState


@dataclass(frozen=True, slots=True)
class Waived:
    """A waiver as it covers one failing result: the failure stays, and somebody has accepted it until a day (UTC)."""

    id: str
    reason: str
    ticket: str
    requester: str
    approver: str
    expires: str
    compensating_control: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one waiver stands when a report is made.

    `scope` says in words which hosts it is meant for. `covers` are the hosts whose failure it covers now; `suspended`
    are those that fail with another value than was accepted. `lapsed` are those that fail while it is not in force:
    expired, or not begun.
    """

    waiver: Waived
    rule_id: str
    scope: str
    state: WaiverState
    covers: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    lapsed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A sweep with the baseline that it was judged by, and the waivers in force by (host, rule).

    `made` is when the report was asked for, in UTC (ISO 8601 with `Z`). `waivers` are all waivers that were given, and
    how they stand; None when no file of them was given. `changes` is what became of outcomes since an earlier sweep,
    and why; None when there is none to compare with. `attested` is how everything that people attest stands; None when
    no file of statements was given.
    """

    sweep: Sweep
    baseline: Baseline
    made: str
    waived: Mapping[tuple[str, str], Waived] = field(default_factory=dict)
    waivers: tuple[Standing, ...] | None = None
    changes: Comparison | None = None
    attested: tuple[Attested, ...] | None = None
