r"""Whether the firmware starts only signed code (Secure Boot), and whether a TPM is there and ready.

Reads: UEFISecureBootEnabled below Control\SecureBoot\State, which Windows writes at each start; PEFirmwareType (1 BIOS,
2 UEFI), for hosts without that key; Win32_Tpm of root/cimv2/Security/MicrosoftTpm, which has no instance without a TPM.
A TPM is ready when it is enabled, activated and owned: Windows owns it by itself, unless somebody else does.
https://learn.microsoft.com/windows/win32/secprov/win32-tpm
Needs: administrator rights, for the TPM.
Absent when: registry or class refuse access, or nobody says whether this is UEFI.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, as_bool, as_list, as_text, read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'secure_boot' 'SYSTEM\CurrentControlSet\Control\SecureBoot\State' UEFISecureBootEnabled
Registry 'firmware' 'SYSTEM\CurrentControlSet\Control' PEFirmwareType
List 'tpm' {
  Get-CimInstance -Namespace 'root/cimv2/Security/MicrosoftTpm' -ClassName Win32_Tpm -OperationTimeoutSec 15 |
    ForEach-Object {
      @{
        enabled = $_.IsEnabled_InitialValue; activated = $_.IsActivated_InitialValue
        owned = $_.IsOwned_InitialValue; version = [string]$_.SpecVersion
      }
    }
}
"""

FACTS: dict[str, JsonSchema] = {
    "secure_boot": {"type": "boolean"},
    "tpm_ready": {"type": "boolean"},
    "tpm_version": {"type": ["string", "null"]},
}
_BIOS = 1


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether Secure Boot is on and whether a TPM is ready, with the version that it follows."""
    section, facts = read(capture), Facts()
    facts.add("secure_boot", _secure_boot(section))
    item = section.item("tpm")
    found = as_list(item.value)
    if not item.ok:
        facts.lack("tpm_ready", item.trouble)
        facts.lack("tpm_version", item.trouble)
    elif not found:
        facts.put("tpm_ready", False, "Win32_Tpm has no instance")
        facts.put("tpm_version", None, "Win32_Tpm has no instance")
    else:
        about = found[0] if isinstance(found[0], dict) else {}
        ready = [as_bool(about.get(name)) for name in ("enabled", "activated", "owned")]
        version = (as_text(about.get("version")) or "").partition(",")[0].strip()
        source = "Win32_Tpm, IsEnabled_InitialValue, IsActivated_InitialValue and IsOwned_InitialValue"
        missing = "" if False in ready or None not in ready else "Win32_Tpm does not say whether it is ready"
        facts.add("tpm_ready", Setting(all(ready), source, missing))
        facts.add(
            "tpm_version", Setting(version, "Win32_Tpm, SpecVersion", "" if version else "Win32_Tpm has no SpecVersion")
        )
    return facts.observation()


def _secure_boot(section: Section) -> Setting:
    state = decide(section, [Place("secure_boot", "UEFISecureBootEnabled", "local")], None, "Windows wrote no state")
    if not state.why:
        return Setting(state.value == 1, state.source.partition(",")[0])
    firmware = decide(section, [Place("firmware", "PEFirmwareType", "local")], None, state.why)
    if not firmware.why and firmware.value == _BIOS:
        return Setting(False, f"{firmware.source.partition(',')[0]} is 1: a BIOS has no Secure Boot")
    return state


PROBE = Probe(
    id="windows.firmware_trust",
    title="Secure Boot and TPM",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=30,
    max_bytes=16 * 1024,
)
