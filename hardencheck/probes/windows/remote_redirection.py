r"""Whether a Remote Desktop session on this machine takes along the drives and the clipboard of whoever connects.

A policy decides, else the listener's own setting; by default both are taken along. A clipboard that is limited to one
direction or to some formats (SCClipLevel, CSClipLevel) is taken along all the same. What the other side offers, what a
gateway or a collection of a session host forbids besides, and listeners of other names are not looked at.

Reads: fDisableCdm and fDisableClip of the policy key Terminal Services and of the listener RDP-Tcp; fDenyTSConnections
of both, which tells whether Remote Desktop is on.
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-remotedesktopservices
Needs: nothing.
Absent when: the registry refuses access. Not applicable when Remote Desktop is off.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'policy' 'SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services' fDenyTSConnections, fDisableCdm, `
  fDisableClip
Registry 'server' 'SYSTEM\CurrentControlSet\Control\Terminal Server' fDenyTSConnections
Registry 'listener' 'SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp' fDisableCdm, fDisableClip
"""

FACTS: dict[str, JsonSchema] = {
    "drives_redirected": {"type": "boolean"},
    "clipboard_redirected": {"type": "boolean"},
}
_VALUES = {"drives_redirected": "fDisableCdm", "clipboard_redirected": "fDisableClip"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what a session takes along; not applicable where Remote Desktop is off."""
    section, facts = read(capture), Facts()
    off = [Place("policy", "fDenyTSConnections"), Place("server", "fDenyTSConnections", "local")]
    denied = decide(section, off, None, "Remote Desktop is set nowhere")
    if not denied.why and denied.value == 1:
        return Observation.not_applicable(f"Remote Desktop is off ({denied.source})")
    for fact, name in _VALUES.items():
        places = [Place("policy", name), Place("listener", name, "local")]
        setting = decide(section, places, 0, "redirected")
        redirected = setting.value != 1
        # whether Remote Desktop is on matters only where something would be redirected
        facts.add(fact, Setting(redirected, setting.source, setting.why or (denied.why if redirected else "")))
    return facts.observation()


PROBE = Probe(
    id="windows.remote_redirection",
    title="Drives and clipboard in Remote Desktop sessions",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
