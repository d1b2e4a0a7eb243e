r"""Whether BitLocker protects every mounted volume of the fixed disks.

Protected (ProtectionStatus 1) means: encrypted as a whole, and no key lies in the clear. Protection that is suspended
is none, nor is a conversion that is not finished. A volume that BitLocker does not know (ReFS, a mounted FAT volume) is
not protected by it. Volumes without a letter or folder (EFI, recovery) are not looked at. Encryption by the drive, the
hypervisor or another product cannot be seen from here.

Where only the used space was encrypted, what had been deleted before may still be read: that is not looked at.

Reads: Win32_EncryptableVolume of root/cimv2/Security/MicrosoftVolumeEncryption (ProtectionStatus, ConversionStatus,
EncryptionMethod); Win32_Volume, for the volumes that are there; where that class does not answer (servers),
Win32_OptionalFeature BitLocker. https://learn.microsoft.com/windows/win32/secprov/win32-encryptablevolume
Needs: administrator rights.
Absent when: the classes refuse access or list nothing, a volume is locked, or it belongs to a cluster, whose volumes
BitLocker tells of on one node only.
"""

from __future__ import annotations

from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, as_int, as_list, as_text, read
from hardencheck.probes.windows.settings import Facts

SCRIPT = r"""
List 'volumes' {
  Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_Volume -Filter 'DriveType = 3' `
    -Property DeviceID, Name, FileSystem -OperationTimeoutSec 15 | Sort-Object -Property DeviceID |
    Select-Object -First 64 | ForEach-Object {
      @{ id = [string]$_.DeviceID; name = [string]$_.Name; system = [string]$_.FileSystem }
    }
}
$HcSeen = @{ class = $false }
List 'protected' {
  $rows = Get-CimInstance -Namespace 'root/cimv2/Security/MicrosoftVolumeEncryption' `
    -ClassName Win32_EncryptableVolume -OperationTimeoutSec 15 `
    -Property DeviceID, ProtectionStatus, ConversionStatus, EncryptionMethod
  $HcSeen['class'] = $true
  $rows | Sort-Object -Property DeviceID | Select-Object -First 64 | ForEach-Object {
    @{
      id = [string]$_.DeviceID; protection = $_.ProtectionStatus; conversion = $_.ConversionStatus
      method = $_.EncryptionMethod
    }
  }
}
List 'feature' {
  # listing features takes seconds: only where the class did not answer
  if (-not $HcSeen['class']) {
    Get-HcInstances Win32_OptionalFeature | Where-Object { $_.Name -eq 'BitLocker' } |
      ForEach-Object { [int]$_.InstallState }
  }
}
"""

_LIST: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {"unencrypted_volumes": _LIST, "drive_encrypted_volumes": _LIST}

_MOST = 64
_SHOWN = 20
_CLASS = "Win32_EncryptableVolume"
#: EncryptionMethod: the drive encrypts by itself, and BitLocker only hands it the key
_BY_DRIVE = 5
_NOT_INSTALLED = (2, 3)
#: ConversionStatus: encryption or decryption, in progress or paused
_CONVERTING = (2, 3, 4, 5)
_CLUSTER = "CSVFS"
#: how PowerShell files "no such class" and "no such namespace"
_NO_CLASS = ("ObjectNotFound", "MetadataError")


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the mounted volumes that BitLocker does not protect, and those that it leaves to the drive."""
    section = read(capture)
    facts = Facts()
    trouble = _trouble(section)
    if trouble:
        facts.lack("unencrypted_volumes", trouble)
        facts.lack("drive_encrypted_volumes", trouble)
        return facts.observation()
    volumes = as_list(section.item("volumes").value)
    states = {_field(state, "id").lower(): state for state in as_list(section.item("protected").value)}
    open_volumes, by_drive, unknown, methods = [], [], [], []
    for volume in volumes:
        name = _field(volume, "name")
        if name.startswith("\\\\?\\"):
            continue
        state = states.get(_field(volume, "id").lower())
        protection = as_int(state.get("protection")) if isinstance(state, dict) else 0
        if not name:
            unknown.append("Win32_Volume lists a volume without a name")
        elif state is None and _field(volume, "system").upper() == _CLUSTER:
            unknown.append(f"{name} belongs to a cluster, and is not told of here")
        elif protection == 1 and isinstance(state, dict):
            method = as_int(state.get("method"))
            if as_int(state.get("conversion")) in _CONVERTING:
                open_volumes.append(name)
            elif method == _BY_DRIVE:
                by_drive.append(name)
            elif method is None or not 1 <= method <= 7:
                methods.append(f"{name} is encrypted by a method that is not known ({method})")
        elif protection == 0:
            open_volumes.append(name)
        else:
            unknown.append(f"{name} is locked" if protection == 2 else f"{name} has no ProtectionStatus")
    if max(len(volumes), len(states)) >= _MOST:
        unknown.append(f"there are {_MOST} volumes or more")
    if not volumes:
        unknown.append("Win32_Volume lists no fixed volume")
    _note(facts, "unencrypted_volumes", open_volumes, unknown)
    _note(facts, "drive_encrypted_volumes", by_drive, unknown + methods)
    return facts.observation()


def _note(facts: Facts, name: str, offenders: list[str], unknown: list[str]) -> None:
    if unknown and not offenders:
        facts.lack(name, "; ".join(unknown[:3]))
    else:
        facts.put(name, sorted(offenders)[:_SHOWN], f"{_CLASS} and Win32_Volume")


def _trouble(section: Section) -> str:
    """Say why nothing can be told; a class that is missing with its feature is an answer."""
    volumes, protected, feature = (section.item(name) for name in ("volumes", "protected", "feature"))
    if not volumes.ok:
        return volumes.trouble
    if protected.ok:
        return "" if as_list(protected.value) else f"{_CLASS} lists no volume"
    states = [as_int(state) for state in as_list(feature.value)] if feature.ok else []
    if protected.category in _NO_CLASS and states and all(state in _NOT_INSTALLED for state in states):
        return ""
    return protected.trouble


def _field(row: Any, name: str) -> str:
    return (as_text(row.get(name)) or "") if isinstance(row, dict) else ""


PROBE = Probe(
    id="windows.volume_encryption",
    title="BitLocker on fixed volumes",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=60,
    max_bytes=32 * 1024,
)
