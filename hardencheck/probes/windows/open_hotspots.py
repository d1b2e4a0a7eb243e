"""Whether a workstation joins open Wi-Fi networks by itself because others share or suggest them (Wi-Fi Sense).

Reads: AutoConnectAllowedOEM, which the policy "Allow Windows to automatically connect to suggested open hotspots, ..."
sets; 0 forbids it. Windows 10 1803 (build 17134) no longer has the feature, whatever the value says.
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-wifi
Needs: nothing.
Absent when: the key refuses access, or the build is not known. Servers are not applicable.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'config' 'SOFTWARE\Microsoft\WcmSvc\wifinetworkmanager\config' 'AutoConnectAllowedOEM'
"""

FACTS: dict[str, JsonSchema] = {
    "joins_open_hotspots": {"type": "boolean"},
    "written_auto_connect": {"type": ["integer", "null"]},
}

_UNWRITTEN = -1
_GONE_SINCE = 17134


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether the host joins such networks, and the value as it is written; null when it is not."""
    system = context.system.windows
    if system.role in ("server", "domain_controller"):
        return Observation.not_applicable("the host is a server")
    if system.role is None:
        return Observation.not_collected("whether the host is a workstation is not known")
    setting = decide(read(capture), [Place("config", "AutoConnectAllowedOEM")], _UNWRITTEN, "not written, allowed")
    written = None if setting.value == _UNWRITTEN else setting.value
    facts = Facts()
    facts.add("written_auto_connect", Setting(written, setting.source, setting.why))
    if setting.value == 0 and not setting.why:
        facts.put("joins_open_hotspots", False, setting.source)
    elif system.build is None:
        facts.lack("joins_open_hotspots", "the build of Windows is not known")
    elif system.build >= _GONE_SINCE:
        facts.put("joins_open_hotspots", False, f"build {system.build}: the feature is gone since {_GONE_SINCE}")
    else:
        facts.add("joins_open_hotspots", Setting(True, setting.source, setting.why))
    return facts.observation()


PROBE = Probe(
    id="windows.open_hotspots",
    title="Open Wi-Fi networks that are joined by themselves",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
