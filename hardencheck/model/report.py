"""What a report is written from: nothing else is known to a writer, neither the store nor the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hardencheck.model.baseline import Baseline
from hardencheck.model.sweep import Sweep


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
class Report:
    """A sweep with the baseline that it was judged by, and the waivers in force by (host, rule).

    `made` is when the report was asked for, in UTC (ISO 8601 with `Z`).
    """

    sweep: Sweep
    baseline: Baseline
    made: str
    waived: Mapping[tuple[str, str], Waived] = field(default_factory=dict)
