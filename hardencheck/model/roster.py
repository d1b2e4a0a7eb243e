"""What HR knows of the people who may log in: one line of the roster for each of their logins."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from itertools import count
from typing import Any

from hardencheck.model.capture import digest
from hardencheck.model.wording import WITHHELD


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

    def narrowed(
        self, tokens: Collection[str], units: Iterable[str], named: Iterable[str] = (), *, directory: bool = True
    ) -> Roster:
        """Return what of the roster some hosts are judged by: with it, every result is as with the whole one.

        `tokens` are the words of those hosts' captures (`probes.roster_words.tokens_of`), `units` the hosts' process
        units, `named` the units that the value `unit_groups` names. Kept are the people whose login is a token, and
        those of the units. A unit that is neither one of these nor named like a token is withheld. With a `directory`,
        whoever has no account in a host's files may have one there, and what was left out has to leave the same
        doubts: people without names stand for it.
        """
        own = {unit_key(unit) for unit in units if unit}
        here = {
            account: account in tokens or any(unit_key(person.process_unit) in own for person in people)
            for account, people in self.by_account.items()
        }
        kept = [person for person in self.people if here[person.account]]
        left = [people for account, people in self.by_account.items() if not here[account]]
        groups = {unit_key(token) for token in tokens} - {""}
        shown = {"", *own, *groups, *(unit_key(unit) for unit in named)}
        withheld = next(word for word in _withheld() if unit_key(word) not in shown)
        people = [
            person if unit_key(person.process_unit) in shown else replace(person, process_unit=withheld)
            for person in kept
        ]
        stand_ins = _of_units([person for people in left for person in people], groups, kept)
        stand_ins += _doubtful(left) if directory else []
        for name, login in zip(_withheld(), stand_ins, strict=False):
            people += [replace(each, login=name, employee_id=f"{name} {each.employee_id}".strip()) for each in login]
        return Roster(tuple(people))

    def to_bytes(self) -> bytes:
        """Encode canonically, whatever the file looked like: sorted lines and keys, dates in ISO 8601, UTF-8."""
        rows = [{name: _cell(cell) for name, cell in asdict(person).items()} for person in self.people]
        rows.sort(key=lambda row: (row["login"], row["employee_id"]))
        return json.dumps({"people": rows}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Roster:
        """Decode what `to_bytes` wrote; raises ValueError, KeyError or TypeError on anything else."""
        return cls(tuple(_person(row) for row in json.loads(data)["people"]))


def unit_key(unit: str) -> str:
    """Return a process unit's name as it is compared: letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", unit.lower())


def _withheld() -> Iterator[str]:
    """Yield what stands in the place of names: like no login, and no two alike."""
    yield WITHHELD
    for number in count(2):
        yield f"{WITHHELD} {number}"


def _of_units(left: Iterable[Person], groups: Set[str], kept: Iterable[Person]) -> list[list[Person]]:
    """Return somebody for each unit that gives a group of the hosts its meaning, and that nobody kept works in."""
    units = {unit_key(person.process_unit): person.process_unit for person in left}
    missing = units.keys() & groups - {unit_key(person.process_unit) for person in kept}
    return [[Person("", "", Standing.LEAVE, process_unit=units[key])] for key in sorted(missing)]


def _doubtful(left: Iterable[tuple[Person, ...]]) -> list[list[Person]]:
    """Return people by login among whom, on any day, somebody has left, is absent, is a vendor, is one whose contract
    is over, or shares a login, exactly when somebody in `left` is so.

    The one who left first has left whenever anybody has: of people with a login of their own the extremes are enough.
    """
    alone = [people[0] for people in left if len(people) == 1]
    # in the order in which they are found, so that the same roster is narrowed to the same bytes
    stand_ins = [list(people) for people in dict.fromkeys(_nameless(people) for people in left if len(people) > 1)]
    if last_days := [person.last_day for person in alone if person.last_day]:
        stand_ins.append([Person("", "", Standing.LEFT, last_day=min(last_days))])
    if vendors := [person for person in alone if person.vendor]:
        ends = [person.contract_end for person in vendors if person.contract_end]
        stand_ins.append([Person("", "", Standing.LEAVE, vendor=WITHHELD, contract_end=min(ends, default=None))])
    absent = [
        (person.absent_since, person.last_day or date.max)
        for person in alone
        if person.status is Standing.ACTIVE and person.absent_since
    ]
    latest = date.min
    for since, last_day in sorted(absent, key=lambda days: (days[0], -days[1].toordinal())):
        if last_day > latest:
            latest = last_day
            end = None if last_day == date.max else last_day
            stand_ins.append([Person("", "", Standing.ACTIVE, last_day=end, absent_since=since)])
    return stand_ins


def _nameless(people: Sequence[Person]) -> tuple[Person, ...]:
    """Return the people behind one login without names, units and companies, but as many persons as before."""
    ids = list(dict.fromkeys(person.employee_id for person in people))
    return tuple(
        replace(
            person,
            employee_id=str(ids.index(person.employee_id)),
            login="",
            process_unit="",
            vendor=WITHHELD if person.vendor else "",
        )
        for person in people
    )


def _cell(cell: object) -> str | None:
    return cell.isoformat() if isinstance(cell, date) else None if cell is None else str(cell)


def _person(row: Mapping[str, Any]) -> Person:
    days = {name: None if row[name] is None else date.fromisoformat(row[name]) for name in _DAYS}
    return Person(**{**row, **days, "status": Standing(row["status"])})


_DAYS = ("last_day", "absent_since", "contract_end")
