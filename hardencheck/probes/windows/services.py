"""The services of a Windows host, and which of them belong to known security products.

State and start mode are words of Win32_Service that no translation changes. Of a command line only the program is sent:
arguments may hold what nobody else shall know. https://learn.microsoft.com/windows/win32/cimwin32prov/win32-service
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from hardencheck.model.probe import Context, JsonSchema
from hardencheck.probes.powershell import Item, as_list, as_text

#: Prints the item `services`: every service with its state, start mode and program, but for those that share svchost.
SCRIPT = r"""
List 'services' {
  foreach ($one in (Get-HcInstances Win32_Service | Sort-Object -Property Name)) {
    $program = [string]$one.PathName
    if ($program -match '^\s*"([^"]+)"') { $program = $Matches[1] }
    elseif ($program -match '^\s*(.+?\.exe)(\s|$)') { $program = $Matches[1] }
    else { $program = '' }
    if ($program -like '*\system32\svchost.exe') { continue }
    @{ n = [string]$one.Name; s = [string]$one.State; m = [string]$one.StartMode; p = $program }
  }
}
"""

#: A value that names services: "service=Product"; an asterisk in the service's name stands for anything.
PATTERNS: JsonSchema = {"type": "array", "items": {"type": "string", "pattern": "^[^=]+=[^=]+$"}}

#: where programs are that only an administrator can replace; PROGRA~1 and ~2 are the short names of the first two
_SAFE = (
    "\\program files\\", "\\program files (x86)\\", "\\progra~1\\", "\\progra~2\\", "\\windows\\",
    "\\programdata\\microsoft\\windows defender\\",
)  # fmt: skip
#: folders below Windows into which every user may write
_OPEN = ("\\windows\\temp\\", "\\windows\\tasks\\", "\\windows\\tracing\\",
         "\\windows\\system32\\spool\\drivers\\color\\")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its name, its words for state and start, and its program ("" when it was not understood)."""

    name: str
    state: str
    start: str
    program: str

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.state == "Running"

    @property
    def misplaced(self) -> bool:
        """Whether its program is where others than administrators may be able to replace it."""
        path = self.program.lower().replace("/", "\\").removeprefix("\\??\\")
        path = path.replace("%systemroot%", "c:\\windows").replace("%programfiles%", "c:\\program files")
        path = re.sub(r"\A\\systemroot\\", r"c:\\windows\\", path)
        placed = path[1:2] == ":" and path[2:].startswith(_SAFE) and not path[2:].startswith(_OPEN)
        return not placed or "\\..\\" in path


def services(item: Item) -> list[Service] | None:
    """Return the services; None when they could not be listed (a Windows host always has some)."""
    rows = [row for row in as_list(item.value) if isinstance(row, dict)] if item.ok else []
    found = [Service(_text(row, "n"), _text(row, "s"), _text(row, "m"), _text(row, "p")) for row in rows]
    return found or None


def unseen(context: Context) -> str:
    """Say why a service that is not listed may be there all the same, "" when it is not.

    Windows leaves out, without a word, each service that the account has no right to ask about.
    """
    return "" if context.system.windows.admin is True else "without administrator rights not every service is seen"


def known(found: Sequence[Service], patterns: Sequence[str]) -> Iterator[tuple[str, Service]]:
    """Yield the services that a value names, each with the name of its product."""
    for one in found:
        for pattern in patterns:
            name, _, product = pattern.partition("=")
            if fnmatchcase(one.name.lower(), name.strip().lower()):
                yield product.strip(), one
                break


def _text(row: dict[str, Any], name: str) -> str:
    return as_text(row.get(name)) or ""
