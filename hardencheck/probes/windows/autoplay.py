"""Whether Windows starts something by itself when a medium or a device is put in.

The machine's policy holds over each user's own choice; without it users choose, and the default is on.

Reads: NoAutoplayfornonVolume (cameras, phones), NoAutorun (the commands in a medium's autorun.inf) and
NoDriveTypeAutoRun (AutoPlay, a bit for each type of drive) of the machine's policy.
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-autoplay
Needs: nothing.
Absent when: the registry refuses access.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'devices' 'SOFTWARE\Policies\Microsoft\Windows\Explorer' NoAutoplayfornonVolume
Registry 'drives' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\Explorer' NoAutorun, NoDriveTypeAutoRun
"""

FACTS: dict[str, JsonSchema] = {
    "device_autoplay": {"type": "boolean"},
    "autorun_commands": {"type": "boolean"},
    "autoplay_drives": {"type": "array", "items": {"type": "string"}},
}

_DRIVES = {
    0x01: "drives of unknown type",
    0x02: "drives without a root",
    0x04: "removable disks",
    0x08: "fixed disks",
    0x10: "network drives",
    0x20: "CDs and DVDs",
    0x40: "RAM disks",
    0x80: "drives of a later type",
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what starts by itself: for devices, for autorun.inf, and the types of drives with AutoPlay."""
    section, facts = read(capture), Facts()
    devices = decide(section, [Place("devices", "NoAutoplayfornonVolume")], 0, "AutoPlay is on for devices")
    facts.add("device_autoplay", Setting(devices.value != 1, devices.source, devices.why))
    autorun = decide(section, [Place("drives", "NoAutorun")], 0, "autorun.inf is asked about, and may run")
    facts.add("autorun_commands", Setting(autorun.value != 1, autorun.source, autorun.why))
    types = decide(section, [Place("drives", "NoDriveTypeAutoRun")], 0, "AutoPlay is on, users choose")
    on = [name for bit, name in _DRIVES.items() if not (types.value or 0) & bit]
    facts.add("autoplay_drives", Setting(on, types.source, types.why))
    return facts.observation()


PROBE = Probe(
    id="windows.autoplay",
    title="AutoPlay and AutoRun",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
