"""What HR knows of the people who may log in: one line of the roster for each of their logins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from hardencheck.model.capture import digest


class Standing(StrEnum):
    """What HR says of a person: at work, on agreed leave, or gone."""

    ACTIVE = "active"
    LEAVE = "leave"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the roster; `login` is the account's name on the hosts.

    `last_day` is the last day of work, and still one of them. `absent_since` is the first day of an absence that
    nobody has explained. `process_unit` is where the person works now. A `vendor` person works for the company named
    there, until `contract_end`. Somebody with two logins has two lines with one `employee_id`.
    """

    employee_id: str
    login: str
    status: Standing
    last_day: date | None = None
    absent_since: date | None = None
    process_unit: str = ""
    vendor: str = ""
    contract_end: date | None = None

    @property
    def account(self) -> str:
        """The login as it is compared: HR writes `Ana.Cruz` where the account is `ana.cruz`."""
        return self.login.lower()

    def gone(self, today: date) -> bool:
        """Whether the last day is over (days end at midnight UTC)."""
        return self.last_day is not None and self.last_day < today

    def working(self, today: date) -> bool:
        """Whether the person is at work: active, not past the last day, nor past the end of the contract."""
        ended = self.contract_end is not None and self.contract_end < today
        return self.status is Standing.ACTIVE and not self.gone(today) and not ended


COLUMNS = tuple(field.name for field in fields(Person))


@dataclass(frozen=True)
class Roster:
    """HR's list; the order of its lines means nothing."""

    people: tuple[Person, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes: what a sweep seals."""
        return digest(self.to_bytes())

    @cached_property
    def by_account(self) -> Mapping[str, tuple[Person, ...]]:
        """The people behind each login in lower case; more than one where a login is shared."""
        found: dict[str, tuple[Person, ...]] = {}
        for person in self.people:
            found[person.account] = (*found.get(person.account, ()), person)
        return found

    def to_bytes(self) -> bytes:
        """Encode canonically, whatever the file looked like: sorted lines and keys, dates in ISO 8601, UTF-8."""
        rows = [{name: _cell(cell) for name, cell in asdict(person).items()} for person in self.people]
        rows.sort(key=lambda row: (row["login"], row["employee_id"]))
        return json.dumps({"people": rows}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Roster:
        """Decode what `to_bytes` wrote; raises ValueError, KeyError or TypeError on anything else."""
        return cls(tuple(_person(row) for row in json.loads(data)["people"]))


def _cell(cell: object) -> str | None:
    return cell.isoformat() if isinstance(cell, date) else None if cell is None else str(cell)


def _person(row: Mapping[str, Any]) -> Person:
    days = {name: None if row[name] is None else date.fromisoformat(row[name]) for name in _DAYS}
    return Person(**{**row, **days, "status": Standing(row["status"])})


_DAYS = ("last_day", "absent_since", "contract_end")
