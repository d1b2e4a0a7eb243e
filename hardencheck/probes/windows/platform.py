"""Which Windows this is, what may be seen of it, and what time it has: what all other parsers need to know.

Every name here is a number or an identifier that no translation changes: Win32_OperatingSystem.ProductType (1
workstation, 2 domain controller, 3 server), Win32_ComputerSystem.DomainRole (0 to 5), InstallationType ("Server Core"),
EditionID. https://learn.microsoft.com/windows/win32/cimwin32prov/win32-operatingsystem

Reads: the classes Win32_OperatingSystem and Win32_ComputerSystem, the key that holds the version of Windows NT, the
language mode of PowerShell, the account's own groups, the clock.
Needs: nothing; without administrator rights most other probes cannot look.
Absent when: PowerShell runs in Constrained Language Mode: then only that is known.
"""

from __future__ import annotations

from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, System, WindowsSystem
from hardencheck.probes.powershell import Item, Key, Section, as_bool, as_int, as_text, read

SCRIPT = r"""
Item 'language' { [string]$ExecutionContext.SessionState.LanguageMode }
Item 'powershell' { [string]$PSVersionTable.PSVersion }
Item 'bits' { [IntPtr]::Size * 8 }
Item 'epoch' {
  $start = New-Object DateTime 1970, 1, 1, 0, 0, 0, ([DateTimeKind]::Utc)
  [long][Math]::Floor(([DateTime]::UtcNow - $start).TotalSeconds)
}
Item 'admin' {
  $me = [Security.Principal.WindowsIdentity]::GetCurrent()
  $principal = New-Object Security.Principal.WindowsPrincipal $me
  $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}
Item 'os' {
  $os = Get-CimInstance -ClassName Win32_OperatingSystem
  @{
    caption = [string]$os.Caption; version = [string]$os.Version; build = [string]$os.BuildNumber
    type = [int]$os.ProductType; sku = [long]$os.OperatingSystemSKU; architecture = [string]$env:PROCESSOR_ARCHITECTURE
    booted = Get-HcTime $os.LastBootUpTime
  }
}
Item 'computer' {
  $computer = Get-CimInstance -ClassName Win32_ComputerSystem
  @{
    name = [string]$computer.Name; domain = [string]$computer.Domain; role = [int]$computer.DomainRole
    model = [string]$computer.Model; maker = [string]$computer.Manufacturer; type = [int]$computer.PCSystemType
    hypervisor = $computer.HypervisorPresent
  }
}
Registry 'version' 'SOFTWARE\Microsoft\Windows NT\CurrentVersion' CurrentBuildNumber, UBR, DisplayVersion, ReleaseId, `
  EditionID, InstallationType, ProductName
"""

FACTS: dict[str, JsonSchema] = {
    "pretty": {"type": "string"},
    "epoch": {"type": "integer"},
    "hostname": {"type": "string"},
    "language_mode": {"type": "string"},
    "powershell": {"type": "string"},
    "bits": {"type": "integer"},
    "admin": {"type": "boolean"},
    "build": {"type": "integer"},
    "revision": {"type": "integer"},
    "release": {"type": "string"},
    "edition": {"type": "string"},
    "role": {"enum": ["workstation", "server", "domain_controller"]},
    "joined": {"type": "boolean"},
    "core": {"type": "boolean"},
}

FULL = "FullLanguage"
_ROLES = {1: "workstation", 2: "domain_controller", 3: "server"}
#: Windows 10 and 11 for several sessions at once (Azure Virtual Desktop): ProductType calls it a server
_SESSIONS = "ServerRdsh"
_EDITIONS = {"ServerStandard": "Standard", "ServerDatacenter": "Datacenter", _SESSIONS: "Enterprise multi-session"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what the host is; what it did not tell is missing."""
    section = read(capture)
    known: dict[str, Any] = {"language_mode": as_text(section.item("language").value)}
    if known["language_mode"] == FULL:
        known |= _facts(section)
    facts = {name: fact for name, fact in known.items() if fact is not None}
    missing = dict.fromkeys(FACTS.keys() - facts.keys(), _why(section, known["language_mode"]))
    return Observation.of(facts, missing=missing)


def system(observation: Observation) -> System:
    """Return the `System` that this probe's facts describe; what is not known stays None."""
    facts = observation.facts
    mode = facts.get("language_mode", FULL)
    barrier = (
        "" if mode == FULL else f"PowerShell runs in {mode} mode there (AppLocker or Windows Defender App Control)"
    )
    return System(
        distribution="windows",
        version=str(facts.get("build", "")),
        machine="",
        windows=WindowsSystem(
            build=facts.get("build"),
            revision=facts.get("revision"),
            edition=facts.get("edition", ""),
            release=facts.get("release", ""),
            role=facts.get("role"),
            joined=facts.get("joined"),
            core=facts.get("core"),
            admin=facts.get("admin"),
            barrier=barrier,
        ),
    )


def _facts(section: Section) -> dict[str, Any]:
    os, computer = _fields(section.item("os")), _fields(section.item("computer"))
    key = section.key("version")
    role = _ROLES.get(as_int(os.get("type")) or 0)
    domain_role = as_int(computer.get("role"))
    build = as_int(_text(key, "CurrentBuildNumber")) or as_int(os.get("build"))
    release = _text(key, "DisplayVersion") or _text(key, "ReleaseId")
    edition, installation = _text(key, "EditionID"), _text(key, "InstallationType")
    return {
        "pretty": _pretty(build, release, edition, role),
        "epoch": as_int(section.item("epoch").value),
        "hostname": as_text(computer.get("name")),
        "powershell": as_text(section.item("powershell").value),
        "bits": as_int(section.item("bits").value),
        "admin": as_bool(section.item("admin").value),
        "build": build,
        "revision": _number(key, "UBR"),
        "release": release,
        "edition": edition,
        "role": role,
        # DomainRole: 0 and 2 are standalone, 1, 3, 4 and 5 belong to a domain
        "joined": None if domain_role is None else domain_role in (1, 3, 4, 5),
        "core": None if installation is None else installation in ("Server Core", "Nano Server"),
    }


def _pretty(build: int | None, release: str | None, edition: str | None, role: str | None) -> str | None:
    """Name the system by its build: ProductName still says "Windows 10" on Windows 11, Caption is translated."""
    if build is None or role is None:
        return None
    workstation = "11" if build >= 22000 else "10" if build >= 10240 else ""
    servers = ((26100, "2025"), (20348, "2022"), (17763, "2019"), (14393, "2016"), (9600, "2012 R2"))
    server = next((name for since, name in servers if build >= since), "")
    desk = role == "workstation" or edition == _SESSIONS
    name = f"Windows {workstation}" if desk else f"Windows Server {server}"
    words = [name.strip(), _EDITIONS.get(edition or "", edition or ""), release or "", f"(build {build})"]
    return " ".join(word for word in words if word)


def _fields(item: Item) -> dict[str, Any]:
    return item.value if item.ok and isinstance(item.value, dict) else {}


def _text(key: Key | Item, name: str) -> str | None:
    value = key.get(name) if isinstance(key, Key) else None
    return value.data if value and isinstance(value.data, str) else None


def _number(key: Key | Item, name: str) -> int | None:
    value = key.get(name) if isinstance(key, Key) else None
    return value.data if value and isinstance(value.data, int) else None


def _why(section: Section, mode: str | None) -> str:
    if mode != FULL:
        return f"PowerShell runs in {mode} mode"
    troubles = sorted(item.trouble for item in section.items.values() if not item.ok)
    return "; ".join(troubles) or "the host did not tell"


PROBE = Probe(
    id="windows.platform",
    title="Operating system, privilege and clock",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=30,
    max_bytes=64 * 1024,
)
