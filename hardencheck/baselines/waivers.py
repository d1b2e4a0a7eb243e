"""Reads a site's waivers: who accepted which failing rule, where, until when, and for which observed value."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from hardencheck.baselines import document
from hardencheck.baselines.document import Document, KeyPath
from hardencheck.baselines.validate import conform
from hardencheck.model.waiver import MAX_DAYS, Waiver

SCOPES = ("hosts", "groups", "clients")

#: fillers and selectors of variants: letters and marks by their category, and nothing on the screen
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


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
    """Whether two names are, or may be, the same person's: in another case, order, punctuation, with other accents.

    Letters of another alphabet that only look alike are other letters. A name without letters is nobody's.
    """
    name, another = _folded(one), _folded(other)
    return name == another or not name or not another


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
    if expires - granted > timedelta(MAX_DAYS):
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
    """Return the letters and digits of a name, its words sorted; accents, and what cannot be seen, are left out."""
    shown = []
    for each in unicodedata.normalize("NFKD", name.casefold()):
        kind = unicodedata.category(each)[0]
        if kind != "C" and not unicodedata.combining(each) and not _UNSEEN.match(each):
            # a mark that is no accent is a vowel in many alphabets
            shown.append(each if kind in "LMN" else " ")
    return "".join(sorted("".join(shown).casefold().split()))
