"""What HR knows of the people who may log in: one line of the roster for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the roster; `login` is the account's name on the hosts.

    `status` is `active`, `leave` or `left`. `last_day` is the last day of work, `absent_since` the first day of an
    absence that nobody has explained. `process_unit` is where the person works now. A `vendor` person works for the
    company named there, until `contract_end`.
    """

    employee_id: str
    login: str
    status: str
    last_day: date | None = None
    absent_since: date | None = None
    process_unit: str = ""
    vendor: str = ""
    contract_end: date | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """HR's list; `digest` is the SHA-256 of the file that it was read from."""

    digest: str
    people: tuple[Person, ...]
