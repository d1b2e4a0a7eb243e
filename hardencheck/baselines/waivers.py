"""Reads a site's waivers: who accepted which failing rule, where, until when, and for which observed value."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from hardencheck.baselines import document
from hardencheck.baselines.document import Document, KeyPath
from hardencheck.baselines.validate import conform
from hardencheck.model.waiver import MAX_DAYS, Waiver

SCOPES = ("hosts", "groups", "clients")


def read_waivers(paths: Sequence[Path]) -> tuple[Waiver, ...]:
    """Return the waivers in these files together; raises BaselineError with file, line and key."""
    found: list[Waiver] = []
    places: dict[str, str] = {}
    for path in paths:
        each = document.read(path)
        for number, waiver in enumerate(waivers_of(each)):
            at: KeyPath = ("waivers", number, "id")
            if waiver.id in places:
                raise each.error(f"{waiver.id} is also the id of {places[waiver.id]}", at)
            places[waiver.id] = f"{each.path}:{each.line(at)}"
            found.append(waiver)
    return tuple(found)


def waivers_of(found: Document) -> tuple[Waiver, ...]:
    """Return the waivers of one file; raises BaselineError."""
    conform(found, "waivers")
    return tuple(_waiver(found, number) for number in range(len(found.data["waivers"])))


def same_person(one: str, other: str) -> bool:
    """Whether two names are the same person's, however they are written."""
    return _folded(one) == _folded(other)


def _waiver(found: Document, number: int) -> Waiver:
    entry, at = found.data["waivers"][number], ("waivers", number)
    scopes = [name for name in SCOPES if name in entry]
    if len(scopes) != 1:
        raise found.error(f"needs exactly one of {', '.join(SCOPES)}", (*at, *scopes[1:2]))
    if same_person(entry["requester"], entry["approver"]):
        raise found.error("must be someone else than the requester", (*at, "approver"))
    granted, expires = (_day(found, (*at, name)) for name in ("granted", "expires"))
    if expires < granted:
        raise found.error(f"is before {granted}, the day on which it was granted", (*at, "expires"))
    if expires > granted + timedelta(MAX_DAYS):
        raise found.error(f"is more than {MAX_DAYS} days after {granted}, when it was granted", (*at, "expires"))
    return Waiver(
        id=entry["id"],
        rule_id=entry["rule"],
        reason=entry["reason"],
        ticket=entry["ticket"],
        requester=entry["requester"],
        approver=entry["approver"],
        granted=granted,
        expires=expires,
        compensating_control=entry["compensating_control"],
        observed=frozenset(entry["observed"]),
        **{name: tuple(entry[name]) for name in scopes},
    )


def _day(found: Document, at: KeyPath) -> date:
    _, number, name = at
    text = found.data["waivers"][number][name]
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise found.error(f"{text} is no day of the calendar", at) from None


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
