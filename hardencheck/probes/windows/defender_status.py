"""Who protects a Windows host against malware: Microsoft Defender Antivirus as it says itself, and other products.

`AMRunningMode` is an English word in every language: Normal, Passive Mode, SxS Passive Mode, EDR Block Mode, Not
running; old versions have none. Another product registers itself where there is a root/SecurityCenter2: on
workstations, and on Windows 10 and 11 for several sessions, which call themselves servers. Its row stays behind when it
is removed badly, so that it counts only with its program there and a service running from the same maker's folder. In
`productState` 0xF000 is the state (0x1000 on) and 0x00F0 the signatures (0 current, 0x10 old).
https://learn.microsoft.com/previous-versions/windows/desktop/defender/msft-mpcomputerstatus
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hardencheck.model.probe import Context, WindowsSystem
from hardencheck.probes.powershell import Section, as_bool, as_int, as_list, as_text
from hardencheck.probes.windows import services
from hardencheck.probes.windows.services import Service, unseen

#: Prints the items `status` and `products`, and `services` as services.py does.
SCRIPT = (
    r"""
Item 'status' {
  $one = Get-HcInstances MSFT_MpComputerStatus -Namespace 'root/Microsoft/Windows/Defender'
  @{
    mode = [string]$one.AMRunningMode; service = $one.AMServiceEnabled; antivirus = $one.AntivirusEnabled
    realtime = $one.RealTimeProtectionEnabled; behaviour = $one.BehaviorMonitorEnabled; tamper = $one.IsTamperProtected
    age = [string]$one.AntivirusSignatureAge; updated = Get-HcTime $one.AntivirusSignatureLastUpdated
  }
}
List 'products' {
  foreach ($one in (Get-HcInstances AntiVirusProduct -Namespace 'root/SecurityCenter2' -Seconds 15)) {
    $path = [string]$one.pathToSignedReportingExe
    $there = $false
    if ($path) { $there = Test-Path -LiteralPath $path }
    @{ name = [string]$one.displayName; state = [long]$one.productState; path = $path; there = $there }
  }
}
"""
    + services.SCRIPT
)

NAME = "Microsoft Defender Antivirus"
SERVICE = "windefend"
_STATE, _ON, _SIGNATURES, _NEVER = 0xF000, 0x1000, 0x00F0, 65535
_IDLE = ("passive", "not running")
_PROGRAMS = (
    "\\program files\\", "\\program files (x86)\\", "\\progra~1\\", "\\progra~2\\", "%programfiles%\\",
    "%programfiles(x86)%\\",
)  # fmt: skip
#: told beside Normal as well as beside Passive Mode
_EITHER = "edr block"


@dataclass(frozen=True, slots=True)
class Defender:
    """Microsoft Defender Antivirus: whether it protects (None: not known, `why` says so), and how it says that.

    `idle` tells that it may have stepped back for another product, or does not run. `age_days` are those of its
    signatures (65535 when it never had any), None when it does not tell.
    """

    active: bool | None
    text: str
    why: str = ""
    idle: bool = False
    age_days: int | None = None
    tamper: bool | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """Another product that is registered: whether it is on and can be believed, and whether its signatures are new."""

    name: str
    on: bool
    current: bool
    text: str


def defender(section: Section, running: Sequence[Service] | None, context: Context) -> Defender:
    """Return the state of Microsoft Defender Antivirus at the time of the sweep."""
    item = section.item("status")
    if not item.ok or not isinstance(item.value, dict):
        own = [one for one in running or () if one.name.lower() == SERVICE]
        if running is not None and not own:
            if why := unseen(context):
                return Defender(None, "", f"it does not answer, and {why}")
            return Defender(False, "there is no service WinDefend", idle=True)
        if any(one.state == "Stopped" for one in own):
            return Defender(False, f"service WinDefend: Stopped, start {own[0].start or 'not told'}", idle=True)
        return Defender(None, "", item.trouble if not item.ok else "it does not tell its state")
    status: dict[str, Any] = item.value
    mode = (as_text(status.get("mode")) or "").strip()
    parts = {name: as_bool(status.get(name)) for name in ("service", "antivirus", "realtime")}
    told = ", ".join(f"{name} {'on' if part else 'off'}" for name, part in parts.items() if part is not None)
    text = f"MSFT_MpComputerStatus: mode {mode or 'not told'}, {told or 'nothing else'}"
    tamper, age = as_bool(status.get("tamper")), _age(status, context.now)
    if mode.lower().removeprefix("sxs ").startswith(_IDLE):
        return Defender(False, text, idle=True, age_days=age, tamper=tamper)
    if mode.lower().startswith(_EITHER):
        why = f"{mode} is told whether it protects or has stepped back"
        return Defender(None, text, why, idle=True, age_days=age, tamper=tamper)
    if False in parts.values():
        return Defender(False, text, age_days=age, tamper=tamper)
    if None in parts.values() or mode.lower() not in ("", "normal"):
        return Defender(None, text, f"it does not tell its whole state ({text})", age_days=age, tamper=tamper)
    return Defender(True, text, age_days=age, tamper=tamper)


def products(section: Section, system: WindowsSystem, running: Sequence[Service] | None) -> list[Product] | None:
    """Return the other products that are registered; None when that is not known. Most servers have no such list."""
    item = section.item("products")
    if not item.ok:
        return [] if system.role in ("server", "domain_controller") else None
    rows = [row for row in as_list(item.value) if isinstance(row, dict)]
    found = [_product(row, running or ()) for row in rows]
    return [one for one in found if one is not None]


def listed(section: Section) -> list[Service] | None:
    """Return the services of the section; None when they could not be listed."""
    return services.services(section.item("services"))


def hidden(found: Sequence[Service] | None, context: Context) -> str:
    """Say why another product's service may run although none is seen; "" when all services are."""
    return "the services could not be listed" if found is None else unseen(context)


def _product(row: dict[str, Any], running: Sequence[Service]) -> Product | None:
    name, path = as_text(row.get("name")) or "", (as_text(row.get("path")) or "").lower()
    state = as_int(row.get("state"))
    if not name or state is None or "\\windows defender\\" in path:
        return None
    maker = _maker(path)
    alive = bool(maker) and any(one.running and _maker(one.program.lower()) == maker for one in running)
    # a path with a variable in it cannot be looked for, so that the service alone has to show that the product is there
    there = row.get("there") is True or "%" in path
    on = state & _STATE == _ON
    doubts = [] if there else ["its program is not there"]
    doubts += [] if alive else ["no service of its maker runs"]
    text = f"{name}: registered as {'on' if on else 'not on'} (0x{state:x})" + "".join(f", {doubt}" for doubt in doubts)
    return Product(name, on and there and alive, state & _SIGNATURES == 0, text)


def _maker(path: str) -> str:
    """Return the folder of a program's maker: the one below Program Files (or Common Files there), or ""."""
    for folder in _PROGRAMS:
        _, found, rest = path.partition(folder)
        rest = rest.removeprefix("common files\\")
        if found and "\\" in rest:
            return rest.split("\\")[0]
    return ""


def _age(status: dict[str, Any], now: datetime) -> int | None:
    """Return the days since the signatures were made, by the controller's clock where the host tells when that was."""
    told = as_text(status.get("updated"))
    if told:
        try:
            days = (now - datetime.fromisoformat(told)).days
        except (ValueError, TypeError):
            return None
        return max(days, 0) if days >= -1 else None
    age = as_int(status.get("age"))
    return min(age, _NEVER) if age is not None and age >= 0 else None
