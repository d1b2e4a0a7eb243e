"""Whether Windows still speaks SMB 1, signs what it sends over SMB, and accepts file servers that ask for no password.

Windows itself is asked (Get-SmbServerConfiguration, Get-SmbClientConfiguration), because what holds without a setting
has changed over the years: 11 24H2 requires signatures in both directions, Server 2025 as a client, older ones in none
(domain controllers as a server always have, by their default policy). The registry decides only what these commands
cannot tell. SMB 1 is off where its optional feature is not installed, whatever its settings say, and none of its
drivers is started: what is removed or disabled goes on until the next start of Windows.
https://learn.microsoft.com/windows-server/storage/file-server/troubleshoot/detect-enable-and-disable-smbv1-v2-v3
https://learn.microsoft.com/windows-server/storage/file-server/smb-signing

Reads: the configuration of SMB server and client, the service LanmanServer, the drivers srv and mrxsmb10 (SMB 1 of the
server and of the client), the optional feature SMB1Protocol, and the policy "Enable insecure guest logons".
Needs: administrator rights: without them Windows does not tell its configuration, and leaves out of its lists, without
a word, the drivers and services that the account may not see.
Absent when: Windows does not tell, and neither a setting nor a documented default does.
"""

from __future__ import annotations

from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Section, as_bool, as_int, read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Item 'server' {
  $server = Get-SmbServerConfiguration
  @{ smb1 = $server.EnableSMB1Protocol; signing = $server.RequireSecuritySignature }
}
Item 'client' {
  $client = Get-SmbClientConfiguration
  @{ guests = $client.EnableInsecureGuestLogons; signing = $client.RequireSecuritySignature }
}
Item 'feature' {
  $feature = @(Get-HcInstances Win32_OptionalFeature -Seconds 45 | Where-Object { $_.Name -eq 'SMB1Protocol' })
  if ($feature.Count -eq 1) { $feature[0].InstallState }
}
Item 'server_driver' {
  $driver = Get-CimInstance -ClassName Win32_SystemDriver -Filter "Name = 'srv'"
  if ($null -ne $driver) { [bool]$driver.Started }
}
Item 'driver' {
  $driver = Get-CimInstance -ClassName Win32_SystemDriver -Filter "Name = 'mrxsmb10'"
  if ($null -ne $driver) { [bool]$driver.Started }
}
Item 'sharing' {
  $sharing = Get-CimInstance -ClassName Win32_Service -Filter "Name = 'LanmanServer'"
  if ($null -ne $sharing) { [bool]$sharing.Started }
}
Registry 'sharing_key' 'SYSTEM\CurrentControlSet\Services\LanmanServer' Start
Registry 'server_key' 'SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters' SMB1, RequireSecuritySignature
Registry 'client_key' 'SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters' AllowInsecureGuestAuth, `
  RequireSecuritySignature
Registry 'server_driver_key' 'SYSTEM\CurrentControlSet\Services\srv' Start
Registry 'driver_key' 'SYSTEM\CurrentControlSet\Services\mrxsmb10' Start
Registry 'policy' 'SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation' AllowInsecureGuestAuth
"""

FACTS: dict[str, JsonSchema] = {
    "smb1_server": {"type": "boolean"},
    "smb1_client": {"type": "boolean"},
    "server_signing": {"enum": ["required", "not required", "no server"]},
    "client_signing": {"enum": ["required", "not required"]},
    "guest_logons": {"type": "boolean"},
}

_DISABLED = 4
#: Win32_OptionalFeature.InstallState: 1 enabled, 2 disabled, 3 absent, 4 unknown
_INSTALLED, _NOT_INSTALLED = 1, (2, 3)
#: the first build in which Windows requires signatures unless it is told otherwise, by edition and direction
_SIGNING_BY_DEFAULT = 26100
_DRIVERS = {"server_driver": "srv", "driver": "mrxsmb10"}
_NO_FEATURE = "Win32_OptionalFeature: SMB1Protocol is not installed"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield how SMB is spoken; what Windows says of itself goes before what the registry says."""
    section = read(capture)
    build, admin = context.system.windows.build, context.system.windows.admin is True
    no_server = _no_server(section)
    facts = Facts()
    facts.add("smb1_server", Setting(False, no_server) if no_server else _smb1_server(section, admin))
    facts.add("smb1_client", _smb1_client(section, admin))
    server = _signing(section, "server", build)
    facts.add("server_signing", Setting("no server", no_server) if no_server else server)
    facts.add("client_signing", _signing(section, "client", build))
    facts.add("guest_logons", _guest_logons(section))
    return facts.observation()


def _live(section: Section, item: str, name: str) -> bool | None:
    found = section.item(item)
    return as_bool(found.value.get(name)) if found.ok and isinstance(found.value, dict) else None


def _no_server(section: Section) -> str:
    """Return what shows that nothing is shared at all, "" when something may be."""
    start = decide(section, [Place("sharing_key", "Start", "local")], -1)
    started = section.item("sharing")
    off = not start.why and start.value == _DISABLED and started.ok and as_bool(started.value) is False
    return f"{start.source.partition(',')[0]}: the service is disabled and not started" if off else ""


def _feature(section: Section) -> int | None:
    item = section.item("feature")
    return as_int(item.value) if item.ok else None


def _runs(section: Section, name: str, admin: bool) -> Setting:
    """Return whether a driver is started: one that the list lacks is not, where all are listed or its key is absent."""
    item, key = section.item(name), section.key(f"{name}_key")
    started = as_bool(item.value) if item.ok else None
    if started is not None:
        return Setting(started, f"Win32_SystemDriver: {_DRIVERS[name]} is {'' if started else 'not '}started")
    if not item.ok:
        return Setting(None, why=item.trouble)
    if isinstance(key, Item):
        return Setting(None, why=key.trouble)
    if item.value is None and not key.exists:
        return Setting(False, f"HKLM\\{key.path} is absent: the driver is not installed")
    if item.value is None and admin:
        return Setting(False, f"Win32_SystemDriver has no {_DRIVERS[name]}")
    return Setting(None, why=f"Win32_SystemDriver does not tell whether {_DRIVERS[name]} is started")


def _smb1_server(section: Section, admin: bool) -> Setting:
    live = _live(section, "server", "smb1")
    if live is False:
        return Setting(False, "Get-SmbServerConfiguration, EnableSMB1Protocol")
    if _feature(section) in _NOT_INSTALLED:
        # SMB 1 may be asked for and not be there, or be removed and be there until the next start
        runs = _runs(section, "server_driver", admin)
        return runs if runs.why or runs.value else Setting(False, _NO_FEATURE)
    if live:
        return Setting(True, "Get-SmbServerConfiguration, EnableSMB1Protocol")
    written = decide(section, [Place("server_key", "SMB1", "local")], 1, "on where it is installed")
    if written.why:
        return written
    if written.value == 0:
        runs = _runs(section, "server_driver", admin)
        why = f"{written.source}, but the driver srv is still started; restart due?"
        return Setting(None, why=why) if runs.value else Setting(False, written.source)
    if _feature(section) == _INSTALLED:
        return Setting(True, written.source)
    return Setting(None, why=_why(section, "server", "feature"))


def _smb1_client(section: Section, admin: bool) -> Setting:
    runs, key = _runs(section, "driver", admin), section.key("driver_key")
    if runs.value:
        return runs
    if isinstance(key, Item):
        return Setting(None, why=key.trouble)
    if not key.exists:
        return Setting(False, f"HKLM\\{key.path} is absent: the driver is not installed")
    if runs.why:
        return runs
    start = decide(section, [Place("driver_key", "Start", "local")], None, f"HKLM\\{key.path} has no Start")
    if not start.why and start.value == _DISABLED:
        return Setting(False, start.source)
    if _feature(section) in _NOT_INSTALLED:
        return Setting(False, _NO_FEATURE)
    return Setting(True, start.source, start.why)


def _signing(section: Section, side: str, build: int | None) -> Setting:
    words = {True: "required", False: "not required"}
    live = _live(section, side, "signing")
    if live is not None:
        return Setting(words[live], f"Get-Smb{side.capitalize()}Configuration, RequireSecuritySignature")
    default: Any = 0 if build is not None and build < _SIGNING_BY_DEFAULT else None
    about = "not required before build 26100" if default == 0 else _why(section, side)
    written = decide(section, [Place(f"{side}_key", "RequireSecuritySignature", "local")], default, about)
    return written if written.why else Setting(words[written.value != 0], written.source)


def _guest_logons(section: Section) -> Setting:
    policy = decide(section, [Place("policy", "AllowInsecureGuestAuth")], -1)
    if policy.why or policy.value != -1:
        return Setting(policy.value not in (0, None), policy.source, policy.why)
    live = _live(section, "client", "guests")
    if live is not None:
        return Setting(live, "Get-SmbClientConfiguration, EnableInsecureGuestLogons")
    local = decide(
        section, [Place("client_key", "AllowInsecureGuestAuth", "local")], None, _why(section, "client")
    )  # what holds without a setting depends on the edition
    return local if local.why else Setting(local.value != 0, local.source)


def _why(section: Section, *items: str) -> str:
    """Say why Windows did not tell, and that nothing is set."""
    troubles = [item.trouble for item in map(section.item, items) if not item.ok]
    return "; ".join(troubles) or "neither Windows nor the registry tells"


PROBE = Probe(
    id="windows.smb",
    title="File sharing: SMB 1, signatures and guests",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=60,
    max_bytes=16 * 1024,
)
