"""Dated, evidenced statements about what no machine can read; without one that holds, the question is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from hardencheck.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class ManualControl:
    """One thing to attest: what must be so, what to keep as evidence, and how many days a statement holds."""

    id: str
    title: str
    evidence: str
    every_days: int
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attestation:
    """One statement: who says so, on which day, and the file that proves it by name and SHA-256."""

    control: str
    by: str
    on: date
    evidence: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Attested:
    """How one control stands at a moment: the newest statement about it, if any, and its last day (UTC)."""

    control: ManualControl
    statement: Attestation | None
    until: date | None
    outcome: Outcome

    @property
    def message(self) -> str:
        """One sentence: by whom and until when, or why the question is open."""
        if self.statement is None or self.until is None:
            return "nobody has attested it"
        said = f"attested by {self.statement.by} on {self.statement.on}, {self.statement.evidence}"
        ended = "until" if self.outcome is Outcome.PASS else "expired: it held until"
        return f"{said}; {ended} the end of {self.until} UTC"


def standing(control: ManualControl, statements: tuple[Attestation, ...], now: datetime) -> Attested:
    """Return how a control stands: `pass` while the newest statement holds, else `notchecked`.

    A statement holds from its day on through the end of its last day in UTC; one of a day to come says nothing yet.
    """
    today = now.astimezone(UTC).date()
    about = [each for each in statements if each.control == control.id and each.on <= today]
    if not about:
        return Attested(control, None, None, Outcome.NOTCHECKED)
    newest = max(about, key=lambda each: each.on)
    until = newest.on + timedelta(control.every_days)
    return Attested(control, newest, until, Outcome.PASS if today <= until else Outcome.NOTCHECKED)
