"""Software that does not belong on the site's machines: remote control, file sharing, games, services of old.

A program counts when one of the names is found as whole words in what it calls itself among the installed programs, or
in the name of a running process (programs that need no installation are seen only while they run). A service counts
when its name begins with one of the names and it is not disabled, or runs all the same. A number may follow a name
without a blank, as in TeamViewer9.

Reads: DisplayName of the Uninstall keys of both kinds of programs (64 and 32 bits), the names of processes, and of each
service its name, start mode and whether it is started. Programs installed for one user alone, or from the Store, are
seen only while they run.
Needs: administrator rights to see all services.
Absent when: one of the lists cannot be read, and nothing of the others counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Section, as_bool, as_list, read
from hardencheck.probes.windows.settings import Facts

SCRIPT = r"""
Registry 'programs' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall' @() -Below DisplayName
Registry 'programs32' 'SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall' @() -Below DisplayName
List 'processes' { Get-Process | ForEach-Object { [string]$_.Name } | Sort-Object -Unique }
List 'services' {
  foreach ($service in (Get-HcInstances Win32_Service | Sort-Object -Property Name)) {
    if ($service.Started -or $service.StartMode -ne 'Disabled') {
      @{ n = [string]$service.Name; r = [bool]$service.Started }
    }
  }
}
"""

_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {"programs_present": _NAMES, "services_present": _NAMES}

_CAP = 20
#: fewer processes or services than this are not the list of a running Windows
_LEAST = 5


def parse(capture: Capture, context: Context) -> Observation:
    """Yield which of the baseline's names are there."""
    section = read(capture)
    facts = Facts()
    _programs(section, context.values["windows_unneeded_programs"], facts)
    _services(section, context.values["windows_unneeded_services"], facts)
    return facts.observation()


def _programs(section: Section, names: list[str], facts: Facts) -> None:
    found: list[str] = []
    trouble = ""
    for label in ("programs", "programs32"):
        key = section.key(label)
        if isinstance(key, Item):
            trouble = key.trouble
        elif key.exists and key.texts is None:
            trouble = f"{label}: the names of the programs were not read"
        elif key.exists:
            found += [f"{text}: installed" for text in key.texts or () if _named(text, names)]
        elif label == "programs":
            trouble = f"HKLM\\{key.path} is absent"
    processes = section.item("processes")
    running = [text for text in as_list(processes.value) if isinstance(text, str)]
    if not processes.ok or len(running) < _LEAST:
        trouble = processes.trouble if not processes.ok else "the list of processes is not whole"
    found += [f"{text}: runs" for text in running if _named(text, names)]
    _put(facts, "programs_present", found, trouble, "Uninstall keys, processes")


def _services(section: Section, names: list[str], facts: Facts) -> None:
    item = section.item("services")
    services = [(str(one.get("n")), as_bool(one.get("r"))) for one in _dicts(item)]
    trouble = ""
    if not item.ok or len(services) < _LEAST:
        trouble = item.trouble if not item.ok else "the list of services is not whole"
    found = [
        f"{name}: {'runs' if runs else 'can be started'}"
        for name, runs in services
        if any(re.match(_pattern(wanted), name.casefold()) for wanted in names)
    ]
    _put(facts, "services_present", found, trouble, "Win32_Service")


def _put(facts: Facts, fact: str, found: list[str], trouble: str, where: str) -> None:
    """Note what was found: what is there fails a rule even where the rest could not be seen."""
    if trouble and not found:
        facts.lack(fact, trouble)
    else:
        facts.put(fact, sorted(dict.fromkeys(found))[:_CAP], where)


def _dicts(item: Item) -> Iterable[dict[str, Any]]:
    return (one for one in as_list(item.value) if isinstance(one, dict))


def _named(text: str, names: Iterable[str]) -> bool:
    words = text.casefold()
    return any(re.search(rf"(?<![a-z0-9]){_pattern(name)}", words) for name in names)


def _pattern(name: str) -> str:
    return rf"{re.escape(name.casefold())}(?![a-z])"


PROBE = Probe(
    id="windows.unneeded_software",
    title="Software that has no business here",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=60,
    max_bytes=192 * 1024,
    parameters={"windows_unneeded_programs": _NAMES, "windows_unneeded_services": _NAMES},
)
