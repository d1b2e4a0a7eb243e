"""Whether Credential Guard runs, which keeps the secrets of logged-on domain users out of the reach of Windows itself.

`SecurityServicesRunning` of Win32_DeviceGuard lists what runs now (1 is Credential Guard), whatever is configured.
https://learn.microsoft.com/windows/security/identity-protection/credential-guard/configure

Reads: the class Win32_DeviceGuard.
Needs: administrator rights.
Absent when: the class is not there, or what runs is not told. The question has no meaning on domain controllers, on
machines of no Active Directory domain, and on editions that are not entitled to Credential Guard (Home, Pro, SE).
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import as_int, as_list, read
from hardencheck.probes.windows.settings import Facts

SCRIPT = r"""
Item 'guard' {
  $guard = Get-CimInstance -Namespace root/Microsoft/Windows/DeviceGuard -ClassName Win32_DeviceGuard
  if ($null -ne $guard) {
    @{
      running = $guard.SecurityServicesRunning
      configured = $guard.SecurityServicesConfigured
      virtualization = $guard.VirtualizationBasedSecurityStatus
    }
  }
}
"""

FACTS: dict[str, JsonSchema] = {"credential_guard": {"enum": ["running", "configured", "off"]}}

_CREDENTIAL_GUARD = 1
_VIRTUALIZATION_RUNS = 2
#: EditionIDs of Home, Pro and SE, their variants among them
_NOT_ENTITLED = ("Core", "Professional", "CloudEdition")


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether Credential Guard runs."""
    windows = context.system.windows
    item = read(capture).item("guard")
    if windows.role == "domain_controller":
        return Observation.not_applicable("a domain controller holds the domain's secrets itself")
    about = item.value if item.ok and isinstance(item.value, dict) else {}
    virtualization = as_int(about.get("virtualization"))
    running, configured = ([as_int(one) for one in as_list(about.get(name))] for name in ("running", "configured"))
    runs = _CREDENTIAL_GUARD in running and virtualization == _VIRTUALIZATION_RUNS
    where = "Win32_DeviceGuard, SecurityServicesRunning and VirtualizationBasedSecurityStatus"
    if not runs and windows.joined is False:
        return Observation.not_applicable("the machine belongs to no Active Directory domain")
    if not runs and windows.role == "workstation" and windows.edition.startswith(_NOT_ENTITLED):
        return Observation.not_applicable(f"the edition {windows.edition} has no Credential Guard")
    if not item.ok:
        return Observation.not_collected(item.trouble)
    if virtualization is None or None in running or about.get("running") is None:
        return Observation.not_collected("Win32_DeviceGuard does not say what runs")
    if not runs and (windows.role is None or windows.joined is None or not windows.edition):
        return Observation.not_collected("it is not known whether this machine can have Credential Guard")
    facts = Facts()
    rest = "configured" if _CREDENTIAL_GUARD in configured else "off"
    facts.put("credential_guard", "running" if runs else rest, where)
    return facts.observation()


PROBE = Probe(
    id="windows.credential_guard",
    title="Credential Guard",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    max_bytes=16 * 1024,
)
