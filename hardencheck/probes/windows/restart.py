r"""Since when a restart of Windows has been waiting.

Three signs: the keys RebootPending (Component Based Servicing) and RebootRequired (Windows Update), which every restart
removes, and RebootRequired below UX\StateVariables, which stays when somebody restarts without installing (Windows 10
20H2 and later offer that). PendingFileRenameOperations is none: antivirus, printer drivers and installers leave entries
there every day.

No key says when it was made, so two bounds are looked for. A request is not older than the start of the system, than
the first event 4, 13 or 14 of Microsoft-Windows-Servicing since then ("a reboot is necessary before ...", log Setup),
or than the first start of the installation (event 43 of Microsoft-Windows-WindowsUpdateClient, log System) of the
updates whose GUIDs RebootRequired names: the logs count only when they reach back to the start of the system. It is
not younger than that first event of Servicing, nor than a day after the last of those starts.
https://learn.microsoft.com/windows/deployment/update/waas-restart
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from hardencheck.probes.powershell import Item, Key, Section, as_list, as_text
from hardencheck.probes.windows.settings import NUMBER, TEXT, Place, Setting, decide

#: Prints what the function `pending` needs.
SCRIPT = r"""
Registry 'servicing' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending' SUBKEYS
Registry 'agent' 'SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired' NAMES
Registry 'state' 'SOFTWARE\Microsoft\WindowsUpdate\UX\StateVariables' RebootRequired
Item 'boot' {
  $os = Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_OperatingSystem `
    -Property LastBootUpTime, LocalDateTime -OperationTimeoutSec 5
  @{ booted = Get-HcTime $os.LastBootUpTime; now = Get-HcTime $os.LocalDateTime }
}
Item 'restart_asked' {
  $os = Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_OperatingSystem -Property LastBootUpTime `
    -OperationTimeoutSec 5
  $wanted = @{
    LogName = 'Setup'; ProviderName = 'Microsoft-Windows-Servicing'; Id = 4, 13, 14; StartTime = $os.LastBootUpTime
  }
  $first = Get-WinEvent -FilterHashtable $wanted -Oldest -MaxEvents 1
  Get-HcTime $first.TimeCreated
}
Item 'setup_begins' { Get-HcTime (Get-WinEvent -LogName 'Setup' -Oldest -MaxEvents 1).TimeCreated }
List 'installs' {
  $os = Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_OperatingSystem -Property LastBootUpTime `
    -OperationTimeoutSec 5
  $wanted = @{
    LogName = 'System'; ProviderName = 'Microsoft-Windows-WindowsUpdateClient'; Id = 43; StartTime = $os.LastBootUpTime
  }
  Get-WinEvent -FilterHashtable $wanted -MaxEvents 400 |
    ForEach-Object { "$([string]$_.Properties[1].Value) $(Get-HcTime $_.TimeCreated)" }
}
Item 'system_begins' { Get-HcTime (Get-WinEvent -LogName 'System' -Oldest -MaxEvents 1).TimeCreated }
"""

_MOST_INSTALLS = 400
#: No installation takes longer, from its start to the request for a restart.
_INSTALLATION = timedelta(days=1)
_GUID = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)


def pending(section: Section, limit: int) -> Setting:
    """Return for how many days a restart has been waiting: null when none is, unknown when `limit` lies between."""
    servicing = section.key("servicing")
    if isinstance(servicing, Item):
        return Setting(None, why=servicing.trouble)
    agent = section.key("agent")
    if isinstance(agent, Item):
        return Setting(None, why=agent.trouble)
    waits = [f"HKLM\\{key.path}" for key in (servicing, agent) if key.exists]
    if not waits:
        return _left_over(section)
    boot = section.item("boot")
    times = boot.value if boot.ok and isinstance(boot.value, dict) else {}
    booted, now = moment(times.get("booted")), moment(times.get("now"))
    if booted is None or now is None or booted > now:
        return Setting(None, why=f"{waits[0]} asks for a restart, and when the system started is not known")
    source = f"{waits[0]}; the system runs since {booted:%Y-%m-%d}"
    asked = _between(moment(section.item("restart_asked").value), booted, now)
    starts = _starts(section, agent, booted, now)
    earliest = [_since(section, "setup_begins", asked, booted)] if servicing.exists else []
    earliest += [_since(section, "system_begins", min(starts, default=None), booted)] if agent.exists else []
    longest = (now - min(earliest)).days
    if longest <= limit:
        return Setting(longest, f"{source}; asked for on {min(earliest):%Y-%m-%d} at the earliest")
    latest = [asked] if asked is not None else []
    latest += [max(starts) + _INSTALLATION] if starts else []
    if latest and (now - min(latest)).days > limit:
        return Setting((now - min(latest)).days, f"{source}; asked for on {min(latest):%Y-%m-%d} (event log)")
    return Setting(None, why=f"{source}; since when a restart has been asked for is not known")


def moment(value: Any) -> datetime | None:
    """Return a time that was written as ISO 8601, in UTC unless it says otherwise; None for anything else."""
    try:
        when = datetime.fromisoformat(as_text(value) or "")
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _left_over(section: Section) -> Setting:
    """Tell whether a restart waits although no key of this start of the system says so."""
    flag = decide(section, [Place("state", "RebootRequired", "local", NUMBER + TEXT)], 0)
    if flag.why:
        return flag
    if str(flag.value).strip() == "1":
        return Setting(None, why=f"a restart waits ({flag.source}), and since when is not known")
    return Setting(None, "neither Component Based Servicing nor Windows Update asks for a restart")


def _since(section: Section, begins: str, first: datetime | None, booted: datetime) -> datetime:
    """Return the earliest time of a request: the first event, if its log reaches back to the start of the system."""
    oldest = moment(section.item(begins).value)
    return first if first is not None and oldest is not None and oldest <= booted else booted


def _starts(section: Section, agent: Key, booted: datetime, now: datetime) -> list[datetime]:
    """Return when the installations of the waiting updates were started; none unless each of them is found."""
    wanted = {_guid(name) for name in agent.names or ()}
    lines = as_list(section.item("installs").value)
    if not wanted or "" in wanted or len(lines) >= _MOST_INSTALLS:
        return []
    found: dict[str, list[datetime]] = {}
    for line in lines:
        name, _, time = str(line).partition(" ")
        when = _between(moment(time), booted, now)
        if when is not None:
            found.setdefault(_guid(name), []).append(when)
    return [when for name in wanted for when in found[name]] if wanted <= set(found) else []


def _guid(text: str) -> str:
    match = _GUID.fullmatch(text.strip())
    return match[1].lower() if match else ""


def _between(when: datetime | None, booted: datetime, now: datetime) -> datetime | None:
    return when if when is not None and booted <= when <= now else None
