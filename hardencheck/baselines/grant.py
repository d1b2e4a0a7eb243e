"""Writes a waiver that was granted into a site's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hardencheck.baselines.append import Addition, Entry, append
from hardencheck.baselines.document import Document
from hardencheck.baselines.waivers import waivers_of
from hardencheck.model.waiver import Waiver


def grant(path: Path, waiver: Waiver, comments: Sequence[str] = ()) -> str:
    """Add a waiver under an id that the file does not have yet, and return the id; raises BaselineError.

    `comments` are lines for those who review the file, without characters that a terminal would act on.
    """
    addition = _Grant(waiver, comments)
    append(path, addition)
    return addition.id


@dataclass
class _Grant(Addition):
    waiver: Waiver
    comments: Sequence[str]
    key = "waivers"
    id = ""

    def entry(self, before: Document) -> Entry:
        waiver, day = self.waiver, f"w{self.waiver.granted:%Y%m%d}"
        taken = {each.id for each in waivers_of(before)}
        self.id = next(name for n in range(1, len(taken) + 2) if (name := f"{day}-{n}") not in taken)
        scopes = {"hosts": waiver.hosts, "groups": waiver.groups, "clients": waiver.clients}
        body: dict[str, str | list[str]] = {
            "id": self.id,
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
        return Entry(body, self.comments)

    def check(self, after: Document) -> object:
        return waivers_of(after)
