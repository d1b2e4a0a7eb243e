r"""How old the installed cumulative update is, whether a restart waits for it, and what keeps updates from coming.

Windows is patched as a whole: the revision of the build (UBR) names the last cumulative update, and the table of
updates says when it came out. The list of hotfixes (Win32_QuickFixEngineering) is no measure: superseded updates
vanish from it, and its dates are texts of the host's language. So it is not asked.

Reads: UBR (through `windows.platform`); what asks for a restart: RebootPending (Component Based Servicing),
RebootRequired (Windows Update) and RebootRequired below UX\StateVariables; when the system started, and since then the
events 4, 13 and 14 of Microsoft-Windows-Servicing (log Setup) and 43 of Microsoft-Windows-WindowsUpdateClient (log
System), by number; the policies of Windows Update, of group policy and of device management; how the services wuauserv,
UsoSvc and CcmExec start; whether the client of Configuration Manager installs updates; how long updates are paused.
https://learn.microsoft.com/windows/deployment/update/waas-wu-settings
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-update
Needs: administrator rights.
Facts:
  update_age_days       days since the installed cumulative update came out
  reboot_pending_days   days that a restart has been waiting for, as far as logs tell; null when none is
  update_obstacles      what keeps automatic updates from being installed
  plain_update_servers  update servers that are asked without TLS
Absent when: the table of updates, and the site's rows in `windows_update_table`, leave it open whether the installed
update is older than `windows_update_max_age_days`; a restart waits and it is open whether longer than
`reboot_max_pending_days`; group policy and device management disagree; an intranet server is to be asked and none is
named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, WindowsSystem
from hardencheck.probes.powershell import Item, Section, as_bool, read
from hardencheck.probes.windows import restart
from hardencheck.probes.windows.restart import moment, pending
from hardencheck.probes.windows.settings import TEXT, Facts, Place, Setting, decide
from hardencheck.probes.windows.update_table import SITE_SCHEMA, update_table

SCRIPT = (
    restart.SCRIPT
    + r"""
$policy = 'SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate'
$services = 'SYSTEM\CurrentControlSet\Services'
Registry 'policy' $policy WUServer, DisableWindowsUpdateAccess
Registry 'automatic' "$policy\AU" NoAutoUpdate, AUOptions, UseWUServer
Registry 'management' 'SOFTWARE\Microsoft\PolicyManager\current\device\Update' AllowAutoUpdate, AllowUpdateService, `
  UpdateServiceUrl
Registry 'pause' 'SOFTWARE\Microsoft\WindowsUpdate\UX\Settings' PauseUpdatesExpiryTime, PauseQualityUpdatesEndTime
Registry 'wuauserv' "$services\wuauserv" Start
Registry 'usosvc' "$services\UsoSvc" Start
Registry 'ccmexec' "$services\CcmExec" Start
Item 'configmgr' {
  $client = Get-CimInstance -Namespace 'root/ccm/policy/machine/actualconfig' `
    -ClassName CCM_SoftwareUpdatesClientConfig -Property Enabled -OperationTimeoutSec 5 | Select-Object -First 1
  [bool]$client.Enabled
}
"""
)

FACTS: dict[str, JsonSchema] = {
    "update_age_days": {"type": "integer"},
    "reboot_pending_days": {"type": ["integer", "null"]},
    "update_obstacles": {"type": "array", "items": {"type": "string"}},
    "plain_update_servers": {"type": "array", "items": {"type": "string"}},
}

_DISABLED = 4
#: Windows itself offers to pause for at most so many days; a longer pause was written by somebody.
_LONGEST_PAUSE = 35
_ITSELF = re.compile(r"(https?://)?(localhost|127\.[0-9.]+|0\.0\.0\.0|\[::1?\])(:[0-9]+)?(/|$)", re.IGNORECASE)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the age of the update, of the pending restart, and what is in the way of updates."""
    section, facts = read(capture), Facts()
    facts.add("update_age_days", _age(context))
    facts.add("reboot_pending_days", pending(section, context.values["reboot_max_pending_days"]))
    facts.add("update_obstacles", _obstacles(section, context))
    facts.add("plain_update_servers", _servers(section))
    return facts.observation()


def _age(context: Context) -> Setting:
    windows: WindowsSystem = context.system.windows
    if windows.build is None or windows.revision is None:
        return Setting(None, why="build and revision of the system are not known")
    try:
        site = context.values["windows_update_table"]
        known = update_table().find(windows.build, windows.revision, context.now.date(), site)
    except ValueError as error:
        return Setting(None, why=str(error))
    limit, today = context.values["windows_update_max_age_days"], context.now.date()
    if known is None:
        return Setting(
            None, why=f"build {windows.build} has no row in the table of updates: add to windows_update_table"
        )
    oldest = (today - known.earliest).days if known.earliest else None
    newest = (today - known.latest).days if known.latest else None
    if oldest is not None and oldest <= limit:
        return Setting(oldest, f"{known.source}: not older than this")
    if newest is not None and newest > limit:
        return Setting(newest, f"{known.source}: not newer than this")
    return Setting(None, why=f"{known.source}: add its row to windows_update_table")


@dataclass(slots=True)
class _Seen:
    """What was found on the way: `switched` by policy (another program may install updates then), `broken`, doubts."""

    switched: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def _obstacles(section: Section, context: Context) -> Setting:
    seen, source = _Seen(), "policies, services and settings of Windows Update"
    _policies(section, seen)
    _services(section, context, seen)
    _intranet(section, context, seen)
    _pauses(section, context, seen)
    if seen.switched and (other := _configuration_manager(section)) is not None:
        if other.why:
            seen.doubts.append(other.why)
        elif other.value:
            source = f"{other.source}, although {'; '.join(seen.switched)}"
        if other.why or other.value:
            seen.switched.clear()
    if found := seen.switched + seen.broken:
        return Setting(found, source)
    return Setting(None, why=seen.doubts[0]) if seen.doubts else Setting([], source)


def _policies(section: Section, seen: _Seen) -> None:
    off = decide(section, [Place("automatic", "NoAutoUpdate")], 0)
    options = decide(section, [Place("automatic", "AUOptions")], 0)
    closed = decide(section, [Place("policy", "DisableWindowsUpdateAccess")], 0)
    managed = decide(section, [Place("management", "AllowAutoUpdate", "mdm")], -1)
    allowed = decide(section, [Place("management", "AllowUpdateService", "mdm")], 1)
    seen.doubts += [setting.why for setting in (off, options, closed, managed, allowed) if setting.why]
    if off.value == 1:
        seen.switched.append(f"NoAutoUpdate is 1 ({off.source})")
    if options.value == 1 and off.value != 1:
        seen.switched.append(f"AUOptions is 1, which is off ({options.source})")
    if closed.value == 1:
        seen.switched.append(f"DisableWindowsUpdateAccess is 1 ({closed.source})")
    if allowed.value == 0:
        seen.broken.append(f"AllowUpdateService is 0 ({allowed.source})")
    if managed.value == 5 and options.value != 1:
        if options.value or off.source.startswith("HKLM"):
            seen.doubts.append("device management switches automatic updates off, group policy says otherwise")
        else:
            seen.switched.append(f"AllowAutoUpdate is 5 ({managed.source})")


def _services(section: Section, context: Context, seen: _Seen) -> None:
    for name in ("wuauserv", "UsoSvc"):
        key = section.key(name.lower())
        if isinstance(key, Item):
            seen.doubts.append(key.trouble)
            continue
        start = key.get("Start")
        if start is None:
            # UsoSvc came with Windows 10: its absence says something there only
            if name == "wuauserv" or (context.system.windows.build or 0) >= 14393:
                seen.doubts.append(f"the service {name} is not there")
        elif not isinstance(start.data, int):
            seen.doubts.append(f"how the service {name} starts is not known")
        elif start.data == _DISABLED:
            # Configuration Manager asks the agent wuauserv itself, without the orchestrator UsoSvc
            (seen.switched if name == "UsoSvc" else seen.broken).append(f"the service {name} is disabled")


def _intranet(section: Section, context: Context, seen: _Seen) -> None:
    """Note an update server that cannot answer: programs that switch updates off write this host's own address."""
    used = decide(section, [Place("automatic", "UseWUServer")], 0)
    server = decide(section, [Place("policy", "WUServer", kinds=TEXT)], "")
    if used.value != 1 or server.why:
        seen.doubts += [setting.why for setting in (used, server) if setting.why]
    elif not server.value.strip():
        seen.doubts.append("UseWUServer is 1, and WUServer names no server")
    elif _ITSELF.match(server.value.strip()):
        # a WSUS server may well ask itself
        desk = context.system.windows.role == "workstation"
        (seen.switched if desk else seen.doubts).append(f"WUServer is this host itself ({server.source})")


def _pauses(section: Section, context: Context, seen: _Seen) -> None:
    for name in ("PauseUpdatesExpiryTime", "PauseQualityUpdatesEndTime"):
        setting = decide(section, [Place("pause", name, "local", TEXT)], "")
        until = moment(setting.value) if setting.value else None
        if setting.why:
            seen.doubts.append(setting.why)
        elif setting.value and until is None:
            seen.doubts.append(f"{name} is no time: {setting.value[:40]!r}")
        elif until is not None and (until - context.now).days > _LONGEST_PAUSE:
            seen.broken.append(f"updates are paused until {until:%Y-%m-%d} ({setting.source})")


def _configuration_manager(section: Section) -> Setting | None:
    """Tell whether the client of Configuration Manager installs updates; None when it is not installed."""
    key, item = section.key("ccmexec"), section.item("configmgr")
    if isinstance(key, Item):
        return Setting(None, why=key.trouble)
    start = key.get("Start")
    if start is None or start.data == _DISABLED:
        return None
    enabled = as_bool(item.value)
    if enabled is None:
        why = item.trouble if not item.ok else "its answer is no truth"
        return Setting(None, why=f"whether Configuration Manager installs updates is not known: {why}")
    return Setting(enabled, "Configuration Manager installs updates (CCM_SoftwareUpdatesClientConfig)")


def _servers(section: Section) -> Setting:
    used = decide(section, [Place("automatic", "UseWUServer")], 0)
    server = decide(section, [Place("policy", "WUServer", kinds=TEXT)], "")
    managed = decide(section, [Place("management", "UpdateServiceUrl", "mdm", TEXT)], "")
    sources = [managed, *([server] if used.value == 1 else [])]
    asked = {setting.value.strip(): setting.source for setting in sources if setting.value and setting.value.strip()}
    plain = sorted(url for url in asked if url.lower().startswith("http://"))
    if plain:
        return Setting([url[:200] for url in plain], "; ".join(asked[url] for url in plain))
    for setting in (used, server, managed):
        if setting.why:
            return Setting(None, why=setting.why)
    if strange := sorted(url for url in asked if not url.lower().startswith("https://")):
        return Setting(None, why=f"the update server {strange[0][:80]!r} is no address with a scheme")
    return Setting([], "; ".join(asked.values()) or "default of Windows: Microsoft Update, which is asked by TLS")


PROBE = Probe(
    id="windows.updates",
    title="Installed cumulative update, pending restart, automatic updates",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    max_bytes=64 * 1024,
    seconds=40,
    parameters={
        "windows_update_table": SITE_SCHEMA,
        "windows_update_max_age_days": {"type": "integer"},
        "reboot_max_pending_days": {"type": "integer"},
    },
)
