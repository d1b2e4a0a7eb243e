"""The grammar of `secedit /export`: sections of lines `NAME = VALUE`, in no language but its own.

The export shows what holds, whoever set it: [System Access] is read from the security accounts manager, [Privilege
Rights] from the local security authority. Durations are whole minutes and ages whole days, cut off; -1 is without end.
What a setting does not have is left out: no duration of a lock where nothing is ever locked, no right that nobody has.
[Version] stands at the end of every export.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.powershell import Section, as_int, as_list

ACCESS, RIGHTS, END = "System Access", "Privilege Rights", "Version"
_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Export:
    """The sections of one export by name, each with its values as text; or why there is none (`why` is not "")."""

    sections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    why: str = ""

    def text(self, name: str) -> str | None:
        """Return a value of [System Access] without its quotation marks; None when the export does not list it."""
        value = self.sections[ACCESS].get(name)
        return None if value is None else value.removeprefix('"').removesuffix('"')

    def number(self, name: str) -> int | None:
        """Return a number of [System Access]; None when it is not listed. Raises CaptureUnreadable on anything else."""
        value = self.sections[ACCESS].get(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value):
            raise CaptureUnreadable(f"{name} of the security policy is no number")
        return int(value)

    def holders(self, right: str) -> tuple[str, ...]:
        """Return who has a right: SIDs, and names where the export gives no SID (local and deleted accounts)."""
        words = self.sections[RIGHTS].get(right, "").split(",")
        return tuple(word.strip().removeprefix("*") for word in words if word.strip())


def exported(section: Section, item: str, wanted: str) -> Export:
    """Return the export that an item of `SecurityPolicy` holds, which was asked for the section `wanted` and `END`.

    Raises CaptureUnreadable when a line of it is none that secedit writes.
    """
    found = section.item(item)
    if not found.ok:
        return Export(why=found.trouble)
    if not isinstance(found.value, dict):
        raise CaptureUnreadable(f"the item {item!r} is no export")
    status = as_int(found.value.get("status"))
    if status != 0:
        return Export(why=f"secedit /export ended with status {'unknown' if status is None else status}")
    sections = _sections(as_list(found.value.get("lines")))
    if END not in sections or not sections.get(wanted):
        return Export(why=f"secedit /export wrote no whole [{wanted}]")
    return Export(sections)


def _sections(lines: list[object]) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {}
    values: dict[str, str] = {}
    for line in lines:
        text = line.strip() if isinstance(line, str) else None
        if text == "":
            continue
        if text and text.startswith("[") and text.endswith("]"):
            values = {}
            if sections.setdefault(text[1:-1], values) is not values:
                raise CaptureUnreadable(f"the security policy has two sections {text}")
            continue
        name, sign, value = (text or "").partition("=")
        if not sign or not sections or name.strip() in values:
            raise CaptureUnreadable("a line of the security policy is none, or stands there twice")
        values[name.strip()] = value.strip()
    return sections
