r"""Whether Bluetooth and a camera are there, and whether a policy keeps them from being used.

Bluetooth: device management (Connectivity\AllowBluetooth 0) is the only policy that switches the radio off. Camera: the
policy AllowCamera 0, by group policy or by device management, or the machine's own privacy setting (Deny), which only
an administrator changes. A policy on apps of the Store (LetAppsAccessCamera) leaves desktop programs their camera.
Either is blocked, too, while all its devices are disabled in the Device Manager (problem 22), which users cannot undo.
Older cameras are of the class Image, which scanners share: these are told by the driver that serves them.

Reads: these values, and MDMWinsOverGP, which says who wins; which devices of the classes Bluetooth, Camera and Image
are plugged in, by the class's GUID.
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-connectivity
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-camera
https://learn.microsoft.com/windows/win32/cimwin32prov/win32-pnpentity
Needs: nothing.
Absent when: the registry or the list of devices refuses access.
"""

from __future__ import annotations

from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, as_list, read
from hardencheck.probes.windows.settings import CONFLICT, TEXT, Facts, Place, Setting, decide

SCRIPT = (
    r"""
Registry 'connectivity' 'SOFTWARE\Microsoft\PolicyManager\current\device\Connectivity' AllowBluetooth
Registry 'camera' 'SOFTWARE\Policies\Microsoft\Camera' AllowCamera
Registry 'mdm_camera' 'SOFTWARE\Microsoft\PolicyManager\current\device\Camera' AllowCamera
Registry 'consent' 'SOFTWARE\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\webcam' Value
function Get-HcDevices([string]$Class) {
  Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_PnPEntity -Filter "ClassGuid = '$Class'" `
    -Property DeviceID, Service, ConfigManagerErrorCode -OperationTimeoutSec 10 | Sort-Object -Property DeviceID |
    Select-Object -First 64 | ForEach-Object {
      @{ id = [string]$_.DeviceID; driver = [string]$_.Service; problem = $_.ConfigManagerErrorCode }
    }
}
List 'radios' { Get-HcDevices '{e0cbf06c-cd8b-4647-bb8a-263b43f0f974}' }
List 'cameras' { Get-HcDevices '{ca3e7ab9-b4c3-4ae6-8251-579ef933890f}' }
List 'imagers' { Get-HcDevices '{6bdd1fc6-810f-11d0-bec7-08002be2092f}' }
"""
    + CONFLICT
)

_STATE: JsonSchema = {"enum": ["absent", "blocked", "usable"]}
FACTS: dict[str, JsonSchema] = {"bluetooth": _STATE, "camera": _STATE}

#: drivers of scanners, and where Windows files what it found on the network
_SCANNERS = ("usbscan", "scsiscan", "serscan", "wsdscan")
_NETWORK = "swd\\"
_DISABLED = 22
#: devices of a class that are sent; a list that is longer is not known to have only disabled ones
_MOST = 64


def parse(capture: Capture, context: Context) -> Observation:
    """Yield for Bluetooth and the camera whether it is absent, blocked by a policy, or usable."""
    section, facts = read(capture), Facts()
    radio = decide(section, [Place("connectivity", "AllowBluetooth", "mdm")], 2, "Bluetooth is allowed")
    facts.add("bluetooth", _state(section, radio, ("radios",)))
    places = [Place("camera", "AllowCamera"), Place("mdm_camera", "AllowCamera", "mdm")]
    camera = decide(section, places, 1, "the camera is allowed")
    if not camera.why and camera.value != 0:
        consent = decide(section, [Place("consent", "Value", "local", TEXT)], "Allow")
        if consent.why or consent.value.lower() == "deny":
            camera = Setting(0, consent.source, consent.why)
    facts.add("camera", _state(section, camera, ("cameras", "imagers")))
    return facts.observation()


def _state(section: Section, allowed: Setting, classes: tuple[str, ...]) -> Setting:
    """Say what a policy and the devices that are there come to; a block needs no look at the devices."""
    if not allowed.why and allowed.value == 0:
        return Setting("blocked", allowed.source)
    items = [section.item(name) for name in classes]
    lists = {item.name: as_list(item.value) for item in items if item.ok}
    devices = [device for name, rows in lists.items() for device in rows if not _scanner(name, device)]
    working = [device for device in devices if _field(device, "problem") != _DISABLED]
    troubles = [item.trouble for item in items if not item.ok]
    troubles += [f"{name}: {_MOST} devices or more" for name, rows in lists.items() if len(rows) >= _MOST]
    if working:
        return allowed if allowed.why else Setting("usable", f"{_field(working[0], 'id')}; {allowed.source}")
    if troubles:
        return Setting(None, why=troubles[0])
    if devices:
        return Setting("blocked", f"{_field(devices[0], 'id')} is disabled in the Device Manager")
    return Setting("absent", "Win32_PnPEntity lists none")


def _scanner(item: str, device: Any) -> bool:
    """Whether a device of the class Image is a scanner."""
    driver, name = str(_field(device, "driver")).lower(), str(_field(device, "id")).lower()
    return item == "imagers" and (driver in _SCANNERS or name.startswith(_NETWORK))


def _field(device: Any, name: str) -> Any:
    return device.get(name) if isinstance(device, dict) else None


PROBE = Probe(
    id="windows.desk_devices",
    title="Bluetooth and camera",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=40,
    max_bytes=64 * 1024,
)
