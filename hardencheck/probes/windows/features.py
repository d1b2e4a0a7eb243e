"""Which optional features of Windows are on: PowerShell 2.0, which no logging sees, and services and clients of old.

`InstallState` of Win32_OptionalFeature is 1 for on, 2 for off, 3 for removed, 4 for not known. The same names hold on
servers, whose roles bring these features along. A feature that Windows no longer has (PowerShell 2.0 left 11 24H2 and
Server 2025) is not listed at all. Capabilities, which Windows 10 and 11 have besides (SNMP is one there), are no
optional features: they are not looked at.
https://learn.microsoft.com/windows/win32/cimwin32prov/win32-optionalfeature

Reads: the class Win32_OptionalFeature.
Needs: administrator rights.
Absent when: the list cannot be read, is empty, or says of a feature that its state is not known.
"""

from __future__ import annotations

from collections.abc import Collection

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import as_int, as_list, read
from hardencheck.probes.windows.settings import Facts

SCRIPT = r"""
Item 'features' {
  $all = @(Get-HcInstances Win32_OptionalFeature -Seconds 45)
  $enabled = @($all | Where-Object { $_.InstallState -eq 1 })
  $disabled = @($all | Where-Object { $_.InstallState -eq 2 -or $_.InstallState -eq 3 })
  $unsure = @($all | Where-Object { $_.InstallState -ne 1 -and $_.InstallState -ne 2 -and $_.InstallState -ne 3 })
  @{
    count = $all.Count
    disabled = $disabled.Count
    enabled = [object[]]@($enabled | ForEach-Object { [string]$_.Name } | Sort-Object)
    unsure = [object[]]@($unsure | ForEach-Object { [string]$_.Name } | Sort-Object)
  }
}
"""

_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {"powershell_2": {"type": "boolean"}, "features_present": _NAMES}

_POWERSHELL_2 = ("MicrosoftWindowsPowerShellV2", "MicrosoftWindowsPowerShellV2Root")
_CAP = 20
#: fewer features than this are not the list of a Windows
_LEAST = 10


def parse(capture: Capture, context: Context) -> Observation:
    """Yield which of the features that nobody should need are on."""
    item = read(capture).item("features")
    if not item.ok:
        return Observation.not_collected(item.trouble)
    about = item.value if isinstance(item.value, dict) else {}
    on, unsure = ([str(name) for name in as_list(about.get(name))] for name in ("enabled", "unsure"))
    count, off = as_int(about.get("count")) or 0, as_int(about.get("disabled"))
    if count < _LEAST or off is None or len(on) + len(unsure) + off != count:
        return Observation.not_collected("the list of optional features is not whole")
    facts = Facts()
    where = f"Win32_OptionalFeature, {count} features"
    unneeded: list[str] = context.values["windows_unneeded_features"]
    for fact, names in (("powershell_2", list(_POWERSHELL_2)), ("features_present", unneeded)):
        present, doubtful = _among(on, names), _among(unsure, names)
        if doubtful and not present:
            facts.lack(fact, f"Win32_OptionalFeature does not know the state of {doubtful[0]}")
        else:
            facts.put(fact, bool(present) if fact == "powershell_2" else present[:_CAP], where)
    return facts.observation()


def _among(found: Collection[str], names: Collection[str]) -> list[str]:
    wanted = {name.casefold() for name in names}
    return sorted(name for name in found if name.casefold() in wanted)


PROBE = Probe(
    id="windows.features",
    title="Optional features",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=60,
    max_bytes=64 * 1024,
    parameters={"windows_unneeded_features": _NAMES},
)
