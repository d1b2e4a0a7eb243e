"""The closed sets of words for what was found: outcomes, severities, observation statuses, host states."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """Outcome of one rule on one host: the nine result words of XCCDF 1.2 (NIST IR 7275r4, section 6.6.4.2)."""

    FAIL = "fail"
    ERROR = "error"
    UNKNOWN = "unknown"
    NOTCHECKED = "notchecked"
    PASS = "pass"  # noqa: S105  an outcome, not a password
    NOTAPPLICABLE = "notapplicable"
    NOTSELECTED = "notselected"
    INFORMATIONAL = "informational"
    FIXED = "fixed"

    @property
    def incomplete(self) -> bool:
        """Whether the question stays open: nobody could tell pass from fail."""
        return self in (Outcome.ERROR, Outcome.UNKNOWN, Outcome.NOTCHECKED)


class Severity(StrEnum):
    """Severity of a rule (XCCDF), lowest first; `rank` orders it."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """Position from 0 (info) to 3 (high)."""
        return list(Severity).index(self)


class Level(StrEnum):
    """What a rule expects where a STIG's words and their purpose part: the effective state, or the literal text."""

    EFFECTIVE = "effective"
    LITERAL_STIG = "literal-stig"


class Status(StrEnum):
    """How far an observation got: the flag words of OVAL 5.11 (oval-system-characteristics `FlagEnumeration`)."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    DOES_NOT_EXIST = "does_not_exist"
    NOT_COLLECTED = "not_collected"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"


class HostState(StrEnum):
    """How far a sweep got with one host."""

    PENDING = "pending"  #: in scope, not visited yet (an interrupted sweep)
    REACHED = "reached"  #: every section arrived whole
    PARTIAL = "partial"  #: answered, but something is missing: privilege, a section cut off, a limit
    UNREACHABLE = "unreachable"  #: nothing collected: network, host key, authentication, deadline


class Platform(StrEnum):
    """The two families of operating systems, each with its own collector language."""

    LINUX = "linux"
    WINDOWS = "windows"
