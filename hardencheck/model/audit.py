"""Acts of remediation, as the evidence chain keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Act(StrEnum):
    """What a person had hardencheck do."""

    PLAN = "plan"  #: a plan was made
    APPROVE = "approve"  #: somebody confirmed that a plan be applied
    PREPARE = "prepare"  #: hosts of one wave copied what is about to be changed
    APPLY = "apply"  #: playbooks ran over the hosts of one wave, or a sweep looked at what came of it
    UNDO = "undo"  #: hosts got back what they had before


@dataclass(frozen=True, slots=True)
class Entry:
    """One act: its place in the chain, when (UTC, ISO 8601), by whom, and its record."""

    position: int
    act: Act
    at: str
    by: str
    record: Mapping[str, Any]
