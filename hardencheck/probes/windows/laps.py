r"""Whether Windows LAPS gives this machine's local administrator a password of its own, and really runs.

Of four keys, the first one that holds any setting is the whole policy: device management, group policy, local
configuration, legacy LAPS. What it does not say has its default, and BackupDirectory's is 0: nothing is managed. A
directory that the machine has not joined keeps no password either. Each run, hourly, notes that it begins with a policy
(10021 Active Directory, 10022 Entra ID, 10023 legacy) and that it succeeded (10004). Where the program of legacy LAPS,
an extension of group policy, is installed, Windows leaves the legacy policy to it, whatever the other keys say.
https://learn.microsoft.com/windows-server/identity/laps/laps-management-policy-settings
https://learn.microsoft.com/windows-server/identity/laps/laps-management-event-log
https://learn.microsoft.com/windows-server/identity/laps/laps-scenarios-legacy

Reads: HKLM\SOFTWARE\Microsoft\Policies\LAPS, HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS,
HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\LAPS\Config, HKLM\SOFTWARE\Policies\Microsoft Services\AdmPwd; DllName of
{D76B9641-3288-4f75-942D-087DE603E3EA} below GPExtensions, the program of legacy LAPS; the names of the keys below
HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo (there is one when the machine has joined Entra ID); the
last of these events in Microsoft-Windows-LAPS/Operational. No password is read.
Needs: administrator rights.
Facts: `laps_directory` that keeps the password: `active_directory`, `entra_id` or `legacy`, null when none does.
`laps_silent_hours` since the last run that had a policy and succeeded, null when the log tells of none.
Absent when: the role of the machine is not known, a key or the log cannot be read; the program of legacy LAPS, which
writes no such log, leaves `laps_silent_hours` missing. Not applicable on a domain controller, and where no directory
was joined.
"""

from __future__ import annotations

from datetime import UTC, datetime

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Section, read
from hardencheck.probes.windows.accounts import elsewhere
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
function Get-LastEvent([int[]]$Ids) {
  try {
    $last = Get-WinEvent -FilterHashtable @{ LogName = 'Microsoft-Windows-LAPS/Operational'; Id = $Ids } -MaxEvents 1
    Get-HcTime $last.TimeCreated
  } catch {
    if ([string]$_.FullyQualifiedErrorId -notlike 'NoMatching*') { throw }
    'none'
  }
}
Registry 'mdm' 'SOFTWARE\Microsoft\Policies\LAPS' '*'
Registry 'gpo' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS' '*'
Registry 'local' 'SOFTWARE\Microsoft\Windows\CurrentVersion\LAPS\Config' '*'
Registry 'legacy' 'SOFTWARE\Policies\Microsoft Services\AdmPwd' '*'
Registry 'program' `
  'SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon\GPExtensions\{D76B9641-3288-4f75-942D-087DE603E3EA}' DllName
Registry 'entra' 'SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo' SUBKEYS
Item 'policy' { Get-LastEvent 10021, 10022, 10023 }
Item 'success' { Get-LastEvent 10004 }
"""

DIRECTORY, SILENT = "laps_directory", "laps_silent_hours"
_ENTRA, _ACTIVE_DIRECTORY, _LEGACY = "entra_id", "active_directory", "legacy"
FACTS: dict[str, JsonSchema] = {
    DIRECTORY: {"enum": [_ENTRA, _ACTIVE_DIRECTORY, _LEGACY, None]},
    SILENT: {"type": ["integer", "null"]},
}
_KEYS = (("mdm", "mdm"), ("gpo", "policy"), ("local", "local"), ("legacy", "policy"))


def parse(capture: Capture, context: Context) -> Observation:
    """Yield which directory keeps the local administrator's password, and since when nothing was heard of it."""
    if nothing := elsewhere(context.system):
        return nothing
    section, domain = read(capture), context.system.windows.joined
    key = section.key("entra")
    entra = None if isinstance(key, Item) else bool(key.keys)
    if not domain and not entra:
        if domain is None or entra is None:
            return Observation.not_collected("it is not known whether this machine has joined a directory")
        return Observation.not_applicable("this machine has joined no directory that could keep a password")
    facts, where, program = Facts(), _directory(section), _program(section)
    if where.value is None and not where.why:
        where = _older(section, where, program)
    if where.value in (_ACTIVE_DIRECTORY, _LEGACY):
        where = _belongs(where, domain, "a domain")
    elif where.value == _ENTRA:
        where = _belongs(where, entra, "Entra ID")
    facts.add(DIRECTORY, where)
    facts.add(SILENT, _silence(section, context.now, where, program))
    return facts.observation()


def _directory(section: Section) -> Setting:
    """Return the directory that the policy names: the first key with any setting at all is the policy."""
    for item, by in _KEYS:
        key = section.key(item)
        if isinstance(key, Item):
            return Setting(None, why=key.trouble)
        if not key.values.keys() - {"(default)"}:
            continue
        name = "AdmPwdEnabled" if item == "legacy" else "BackupDirectory"
        chosen = decide(section, [Place(item, name, by)], 0, f"HKLM\\{key.path} does not say {name}")
        meaning = {1: _LEGACY} if item == "legacy" else {1: _ENTRA, 2: _ACTIVE_DIRECTORY}
        if chosen.why or chosen.value in (0, *meaning):
            return Setting(meaning.get(chosen.value), chosen.source, chosen.why)
        return Setting(None, why=f"HKLM\\{key.path}\\{name} is {chosen.value}, which has no meaning")
    return Setting(None, "default of Windows: no policy of LAPS, nothing is managed")


def _program(section: Section) -> bool | None:
    """Tell whether the program of legacy LAPS is installed, by the mark that Windows looks for; None: not known."""
    key = section.key("program")
    if isinstance(key, Item):
        return None
    library = key.get("DllName")
    return library is not None and library.data not in ("", None)


def _older(section: Section, where: Setting, program: bool | None) -> Setting:
    """Return what legacy LAPS does where Windows itself manages nothing."""
    if program is False:
        return where
    legacy = decide(section, [Place("legacy", "AdmPwdEnabled")], 0)
    if legacy.why:
        return Setting(None, why=legacy.why)
    if legacy.value != 1:
        return where
    if program is None:
        return Setting(None, why="it is not known whether legacy LAPS is installed")
    return Setting(_LEGACY, f"{legacy.source}; legacy LAPS is installed")


def _belongs(where: Setting, joined: bool | None, directory: str) -> Setting:
    if joined is None:
        return Setting(None, why=f"it is not known whether this machine has joined {directory}")
    return where if joined else Setting(None, f"{where.source}; but this machine has not joined {directory}")


def _silence(section: Section, now: datetime, where: Setting, program: bool | None) -> Setting:
    """Return the hours since the older of the last policy and the last success."""
    if where.why:
        return Setting(None, why=where.why)
    if where.value == _LEGACY and program is not False:
        state = "is" if program else "may be"
        return Setting(None, why=f"legacy LAPS {state} installed, and does not note when it succeeds")
    log, hours = "Microsoft-Windows-LAPS/Operational", []
    for name in ("policy", "success"):
        item = section.item(name)
        if not item.ok:
            return Setting(None, why=item.trouble)
        age = _hours(item.value, now)
        if age is None and item.value != "none":
            return Setting(None, why=f"{log}: the time of the last event makes no sense")
        hours.append(age)
    known = [age for age in hours if age is not None]
    silence = max(known) if len(known) == len(hours) else None
    return Setting(silence, f"{log}, events 10021 to 10023 and 10004" + ("" if known else ": none"))


def _hours(text: object, now: datetime) -> int | None:
    try:
        then = datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    hours = int((now - then).total_seconds() // 3600)
    return max(hours, 0) if hours >= -24 else None


PROBE = Probe(
    id="windows.laps",
    title="Password of the local administrator (LAPS)",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=30,
    max_bytes=64 * 1024,
)
