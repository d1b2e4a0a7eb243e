"""A framework's requirements, and how far each is covered: by rules, by statements of people, or not at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from hardencheck.model.attestation import Attested
from hardencheck.model.outcome import Outcome


class Strength(StrEnum):
    """How far a rule serves a requirement, the strongest first."""

    DIRECT = "direct"  #: the rule asks for the whole of it
    PARTIAL = "partial"  #: a part of it
    SUPPORTS = "supports"  #: it helps to show that a broad duty is met


class Coverage(StrEnum):
    """How a requirement is covered in one sweep."""

    AUTOMATED = "automated"  #: at least one rule looked
    ATTESTED = "attested"  #: no rule looked, and a statement holds
    NOTCHECKED = "notchecked"  #: there is a rule or something to attest, and neither told anything
    NOT_COVERED = "not_covered"  #: neither a rule nor anything to attest


@dataclass(frozen=True, slots=True)
class Requirement:
    """One number of a framework in one sweep.

    `rules` are those that serve it, each with its strength. `outcomes` counts their results on all hosts, `waived` the
    failures among them that a waiver covers. `attested` are the manual controls that serve it.
    """

    number: str
    coverage: Coverage
    rules: tuple[tuple[str, Strength], ...]
    outcomes: Counter[Outcome]
    waived: int
    attested: tuple[Attested, ...]

    @property
    def strength(self) -> Strength | None:
        """The strongest of its rules; None without a rule."""
        order = list(Strength)
        return min((strength for _, strength in self.rules), key=order.index, default=None)


@dataclass(frozen=True, slots=True)
class FrameworkView:
    """All requirements of a framework, in its own order."""

    framework: str
    requirements: tuple[Requirement, ...]

    @property
    def coverage(self) -> Counter[Coverage]:
        """How many requirements are covered in each way."""
        return Counter(each.coverage for each in self.requirements)
