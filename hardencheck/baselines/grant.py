"""Writes waivers: one that was granted into a site's file, or several into a file of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from hardencheck.baselines.append import Addition, Entry, append, whole
from hardencheck.baselines.document import Document
from hardencheck.baselines.waivers import waivers_of
from hardencheck.model.waiver import Waiver

#: what is no UTF-8 is refused when the entry is written
_ANY = ("utf-8", "backslashreplace")


def grant(path: Path, waiver: Waiver, comments: Sequence[str] = ()) -> str:
    """Add a waiver under an id that the file does not have yet, and return the id; raises BaselineError.

    `comments` are lines for those who review the file, without characters that a terminal would act on.
    """
    addition = _Grant(waiver, comments)
    append(path, addition)
    return addition.id


def waivers_to_yaml(waivers: Iterable[Waiver]) -> str:
    """Return a waivers file with these waivers, which `read_waivers` reads back to the same ones."""
    return whole(_Grant.key, map(_entry, waivers))


@dataclass
class _Grant(Addition):
    waiver: Waiver
    comments: Sequence[str]
    key = "waivers"
    id = ""

    def entry(self, before: Document) -> Entry:
        waiver, taken = self.waiver, {each.id for each in waivers_of(before)}
        self.id = _id(waiver, taken)
        return _entry(replace(waiver, id=self.id), self.comments)

    def check(self, after: Document) -> object:
        return waivers_of(after)


def _entry(waiver: Waiver, comments: Sequence[str] = ()) -> Entry:
    scopes = {"hosts": waiver.hosts, "groups": waiver.groups, "clients": waiver.clients}
    body: dict[str, str | list[str]] = {
        "id": waiver.id,
        "rule": waiver.rule_id,
        **{name: list(members) for name, members in scopes.items() if members},
        "reason": waiver.reason,
        "ticket": waiver.ticket,
        "requester": waiver.requester,
        "approver": waiver.approver,
        "granted": waiver.granted.isoformat(),
        "expires": waiver.expires.isoformat(),
        "compensating_control": waiver.compensating_control,
        "observed": sorted(waiver.observed),
    }
    return Entry(body, comments)


def _id(waiver: Waiver, taken: Collection[str]) -> str:
    """Return an id that is not taken here, and hardly ever in another file: the day, and a digest of what is waived."""
    said = f"{waiver.rule_id} {waiver.scope()} {waiver.ticket} {waiver.expires}"
    names = (
        f"w{waiver.granted:%Y%m%d}-{sha256(f'{said} {count}'.encode(*_ANY)).hexdigest()[:6]}" for count in range(1000)
    )
    return next(name for name in names if name not in taken)
