"""What came of playbooks on hosts: what they changed, or would change, and where they stopped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RunState(StrEnum):
    """How far a playbook got on one host; NOT_RUN means that nothing of it reached the host."""

    OK = "ok"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class Change:
    """What one task changed, or in check mode would change, on one host; every text is as the host gave it, cut.

    `rules` are the task's tags, `where` is the file or other thing, empty when nobody says; `before` and `after` are
    empty when the module gives none.
    """

    task: str
    rules: tuple[str, ...]
    where: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class HostRun:
    """What came of one playbook on one host; a host that failed half-way has changes too.

    `message` says in one line why it is not OK.
    """

    host: str
    state: RunState
    changes: tuple[Change, ...] = ()
    message: str = ""
