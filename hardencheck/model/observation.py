"""Facts parsed from a capture, and how far the look got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hardencheck.model.outcome import Status

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one probe learned on one host.

    `facts` maps a fact's name to a JSON value. `read_from` says per fact where it was read (file:line, command).
    `missing` says per fact why it could not be told: a rule that needs such a fact is unknown, never pass.
    `reason` is the sentence for every status but complete.
    """

    status: Status
    facts: Facts = field(default_factory=dict)
    read_from: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    @classmethod
    def of(
        cls, facts: Facts, read_from: Mapping[str, str] | None = None, missing: Mapping[str, str] | None = None
    ) -> Observation:
        """Return the observation of these facts: complete, or incomplete when some are missing."""
        status = Status.INCOMPLETE if missing else Status.COMPLETE
        return cls(status, facts, read_from or {}, missing or {}, "; ".join(sorted(set((missing or {}).values()))))

    @classmethod
    def not_collected(cls, reason: str) -> Observation:
        """Return "could not look": no privilege, tool missing, time-out, truncated."""
        return cls(Status.NOT_COLLECTED, reason=reason)

    @classmethod
    def not_applicable(cls, reason: str) -> Observation:
        """Return "the question has no meaning on this host"; `reason` says what was seen that shows it."""
        return cls(Status.NOT_APPLICABLE, reason=reason)

    @classmethod
    def does_not_exist(cls, reason: str) -> Observation:
        """Return "looked, and the thing that is required is not there"."""
        return cls(Status.DOES_NOT_EXIST, reason=reason)

    @classmethod
    def error(cls, reason: str) -> Observation:
        """Return "our probe or parser broke"."""
        return cls(Status.ERROR, reason=reason)
