"""The three profiles of the Windows firewall as they are in force, and who else may be in charge of the network.

What counts is the store ActiveStore: group policy, device management and the host's own settings, merged by Windows.
Its numbers are those of MSFT_NetFirewallProfile: 1 is yes, 0 no, 2 not configured; of the actions 2 allows, 4 blocks,
0 is not configured. What it leaves open, and hosts without such a store, are decided by the registry in Windows' own
order. https://learn.microsoft.com/powershell/module/netsecurity/get-netfirewallprofile
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hardencheck.model.probe import WindowsSystem
from hardencheck.probes.powershell import Item, Section, as_int, as_list, as_text
from hardencheck.probes.windows.firewall_grammar import PROFILES
from hardencheck.probes.windows.settings import Place, Setting, decide

SCRIPT = r"""
List 'profiles' {
  foreach ($one in (Get-NetFirewallProfile -PolicyStore ActiveStore)) {
    @{
      id = [string]$one.InstanceID; enabled = [int]$one.Enabled
      inbound = [int]$one.DefaultInboundAction; rules = [int]$one.AllowInboundRules
      local = [int]$one.AllowLocalFirewallRules; ipsec = [int]$one.AllowLocalIPsecRules
      size = [string]$one.LogMaxSizeKilobytes; blocked = [int]$one.LogBlocked; allowed = [int]$one.LogAllowed
      without = [object[]]@($one.DisabledInterfaceAliases | ForEach-Object { [string]$_ })
    }
  }
}
Item 'service' {
  $service = Get-CimInstance -ClassName Win32_Service -Filter "Name = 'MpsSvc'" -OperationTimeoutSec 15
  @{ state = [string]$service.State; start = [string]$service.StartMode }
}
List 'others' {
  foreach ($one in (Get-HcInstances FirewallProduct -Namespace 'root/SecurityCenter2' -Seconds 15)) {
    $path = [string]$one.pathToSignedReportingExe
    $there = $false
    if ($path) { $there = Test-Path -LiteralPath $path }
    @{ name = [string]$one.displayName; state = [long]$one.productState; there = $there }
  }
}
$policy = 'SOFTWARE\Policies\Microsoft\WindowsFirewall'
$firewall = 'SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy'
$names = 'EnableFirewall', 'DefaultInboundAction', 'DoNotAllowExceptions', 'AllowLocalPolicyMerge', `
  'AllowLocalIPsecPolicyMerge'
Registry 'policy old' "$policy\StandardProfile" 'EnableFirewall', 'DoNotAllowExceptions'
foreach ($name in 'Domain', 'Private', 'Public') {
  $folder = "${name}Profile"
  Registry "policy $name" "$policy\$folder" $names
  Registry "mdm $name" "$firewall\Mdm\$folder" $names
  if ($name -eq 'Private') { $folder = 'StandardProfile' }
  Registry "local $name" "$firewall\$folder" $names
}
"""

_YES, _NO = 1, 0
_ALLOW, _BLOCK = 2, 4
_REGISTERED, _ON = 0xF000, 0x1000
_ACTIVE = "the active store of the firewall"


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile as it is in force; each setting's value is a truth or a number.

    `on`: whether it filters; `closed`: whether it refuses what no rule allows; `rules`: whether rules that allow are
    heeded; `local` and `ipsec`: whether rules made on the host are; `log_kilobytes`, `log_blocked`, `log_allowed`;
    `without`: the interfaces on which it is off.
    """

    name: str
    on: Setting
    closed: Setting
    rules: Setting
    local: Setting
    ipsec: Setting
    log_kilobytes: Setting
    log_blocked: Setting
    log_allowed: Setting
    without: Setting


@dataclass(frozen=True, slots=True)
class Other:
    """Another maker's firewall that is registered as switched on; `why` says why that is not known."""

    name: str = ""
    why: str = ""


def profiles(section: Section, system: WindowsSystem) -> list[Profile]:
    """Return the profiles that can be in force on this host: without a domain there is no Domain profile."""
    stored = _stored(section.item("profiles"))
    names = [name for name in PROFILES if not (name == "domain" and system.joined is False)]
    return [_profile(section, name, stored.get(name, {})) for name in names]


def service(section: Section) -> Setting:
    """Return whether the firewall's service runs."""
    item = section.item("service")
    if not item.ok:
        return Setting(None, why=item.trouble)
    state = as_text(item.value.get("state")) if isinstance(item.value, dict) else None
    if not state:
        return Setting(None, why="the service MpsSvc was not found")
    return Setting(state == "Running", f"service MpsSvc: {state}, start {item.value.get('start')}")


def effective(profile: Profile, section: Section) -> Setting:
    """Return whether this profile refuses what no rule allows: the service runs, it is on, its default blocks."""
    running = service(section)
    parts = (running, profile.on, profile.closed)
    open_by = next((part for part in parts if part.value is False), None)
    unclear = next((part for part in parts if part.why), None)
    return open_by or unclear or profile.closed


def replaced(on: Setting, other: Other) -> Setting:
    """Return whether Windows' own firewall protects, or why that cannot be said beside another one.

    The settings of Windows' own stay as they are when another one takes over its work, on as well as off.
    """
    if other.name:
        state = "is on" if on.value is True else "is off" if on.value is False else "is not known to be on"
        return Setting(None, why=f"Windows' own {state}, and {other.name} is registered: what that lets in is not seen")
    if on.value is False and other.why:
        return Setting(None, why=f"Windows' own is off, and {other.why}")
    return on


def other(section: Section, system: WindowsSystem) -> Other:
    """Return the firewall that may have taken the place of Windows' own; most servers have no list of such products.

    Windows 10 and 11 for several sessions (Azure Virtual Desktop) call themselves servers and may have one.
    """
    item = section.item("others")
    if not item.ok:
        if system.role in ("server", "domain_controller"):
            return Other()
        return Other(why=f"whether another firewall is in charge is not known ({item.trouble})")
    for row in as_list(item.value):
        state = as_int(row.get("state")) if isinstance(row, dict) else None
        if state is not None and state & _REGISTERED == _ON and row.get("there") is True:
            return Other(name=as_text(row.get("name")) or "another product")
    return Other()


def joined_unless_told(profile: Profile, system: WindowsSystem) -> bool:
    """Whether what this profile says may be held against the host: Domain counts only where a domain was seen."""
    return profile.name != "domain" or system.joined is True


def _stored(item: Item) -> Mapping[str, Mapping[str, Any]]:
    """Return what ActiveStore holds, by profile; nothing when it could not be asked."""
    rows = [row for row in as_list(item.value) if isinstance(row, dict)] if item.ok else []
    return {str(row.get("id", "")).rpartition("|")[2].lower(): row for row in rows}


def _profile(section: Section, name: str, row: Mapping[str, Any]) -> Profile:
    places = _Places(section, name)
    on = _truth(row.get("enabled")) or places.decide("EnableFirewall", _YES, {0: False, 1: True})
    action = {_ALLOW: False, _BLOCK: True}.get(as_int(row.get("inbound")) or 0)
    closed = Setting(action, _ACTIVE) if action is not None else None
    return Profile(
        name=name,
        on=on,
        closed=closed or places.decide("DefaultInboundAction", 1, {0: False, 1: True}),
        rules=_truth(row.get("rules")) or places.decide("DoNotAllowExceptions", 0, {0: True, 1: False}),
        local=_truth(row.get("local")) or places.decide("AllowLocalPolicyMerge", 1, {0: False, 1: True}),
        ipsec=_truth(row.get("ipsec")) or places.decide("AllowLocalIPsecPolicyMerge", 1, {0: False, 1: True}),
        log_kilobytes=_number(row.get("size")),
        log_blocked=_truth(row.get("blocked")) or _lacking(section),
        log_allowed=_truth(row.get("allowed")) or _lacking(section),
        without=_without(row.get("without"), section),
    )


def _truth(value: Any) -> Setting | None:
    number = as_int(value)
    return Setting(number == _YES, _ACTIVE) if number in (_YES, _NO) else None


def _number(value: Any) -> Setting:
    number = as_int(value)
    if number is None or not 0 < number < 2**32:
        return Setting(None, why="the size of the firewall's log is not known")
    return Setting(number, _ACTIVE)


def _lacking(section: Section) -> Setting:
    item = section.item("profiles")
    return Setting(None, why=item.trouble if not item.ok else f"{_ACTIVE} does not tell what is logged")


def _without(value: Any, section: Section) -> Setting:
    if value is None:
        return _lacking(section)
    names = sorted({str(name) for name in as_list(value)} - {"", "NotConfigured"})
    return Setting(names, _ACTIVE)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the registry holds a profile's settings: policy, then device management, then the host."""

    section: Section
    name: str

    def decide(self, value: str, default: int, meanings: Mapping[int, bool]) -> Setting:
        """Return the setting that the registry makes, its number replaced by what it means."""
        if self.name != "domain" and self._old_policy(value):
            return Setting(None, why="a policy for Windows XP's firewall is set, and the active store cannot be asked")
        title = self.name.title()
        places: Sequence[Place] = [Place(f"{by} {title}", value, by) for by in ("policy", "mdm", "local")]
        setting = decide(self.section, places, default)
        if setting.why:
            return setting
        if setting.value not in meanings:
            return Setting(None, why=f"{setting.source}: {setting.value} means nothing that is documented")
        return Setting(meanings[setting.value], setting.source)

    def _old_policy(self, value: str) -> bool:
        key = self.section.key("policy old")
        return not isinstance(key, Item) and key.get(value) is not None
