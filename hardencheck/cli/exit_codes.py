"""The exit codes: one table that the documentation and the tests are generated from."""

from __future__ import annotations

from enum import IntEnum

from hardencheck.model.outcome import Severity
from hardencheck.model.report import Report
from hardencheck.report.summary import exit_statuses


class ExitCode(IntEnum):
    """What the exit status of every command means; `meaning` is its line in the documentation."""

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        """Build a member that carries its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    meaning: str

    COMPLIANT = 0, "compliant: everything in scope was seen and nothing fails at or above --fail-on"
    FINDINGS = 1, "findings: at least one rule fails at or above --fail-on (default: medium)"
    INCOMPLETE = (
        2,
        "incomplete: the sweep did not end, a host was not reached whole, or a rule is error, unknown or notchecked",
    )
    BOTH = 3, "findings and incomplete"
    EVIDENCE = 4, "stored evidence is not trustworthy"
    USAGE = 64, "usage: the command line cannot be carried out"
    INTERNAL = 70, "internal error, or the store cannot be used"
    LOCKED = 75, "another hardencheck holds the store; try again later"
    CONFIGURATION = 78, "configuration: an inventory, baseline, tailoring or key file is wrong, or zero hosts or rules"
    INTERRUPTED = 130, "interrupted: what was done is kept; hardencheck sweep --resume finishes the rest"


def exit_code(report: Report, fail_on: Severity) -> ExitCode:
    """Return the exit code of a sweep; what is notapplicable, notselected or waived never changes it."""
    status = exit_statuses(report)[fail_on]
    return next(code for code in ExitCode if code == status)


def table() -> str:
    """Return the table as Markdown."""
    rows = [f"| {code.value} | {code.meaning} |" for code in ExitCode]
    return "\n".join(["| code | meaning |", "| ---: | --- |", *rows]) + "\n"
