r"""Where the clock of a Windows host comes from, and when it was last compared with that.

Reads: Type, NtpServer and the NTP client's Enabled of the Windows Time service, from the policy key and then from the
service's own; how the service starts; LastGoodSampleInfo, in which the service notes time and source of the last
comparison; the domain role (5 is the PDC emulator); the services NTP, NetTimeSvc and Domain Time Client, which keep the
clock in its place. What w32tm prints is translated, so it is not asked.
https://learn.microsoft.com/windows-server/networking/windows-time-service/windows-time-service-tools-and-settings
Needs: administrator rights to see all services.
Facts:
  time_source          `domain` (NT5DS or AllSync on a member), `servers` (NTP with servers), or `none`
  time_service_off     why the service or its client cannot set the clock; "" when nothing stands in the way
  reference_age_hours  hours since the clock was last compared with its source
Absent when: the service never noted a comparison (the note is not known from Windows Server 2016 and older); another
program keeps the clock, or may, unseen; a PDC emulator follows the domain: the forest's first one must not, and which
one this is, is not known; a machine that asks no server gets its time from the hypervisor. Of members the setting
counts, also where the hypervisor offers a better time: what was compared with is named beside the age.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Section, as_int, as_list, read
from hardencheck.probes.windows.services import unseen
from hardencheck.probes.windows.settings import TEXT, Facts, Place, Setting, decide

SCRIPT = r"""
$service = 'SYSTEM\CurrentControlSet\Services\W32Time'
Registry 'policy' 'SOFTWARE\Policies\Microsoft\W32Time\Parameters' Type, NtpServer
Registry 'policy_client' 'SOFTWARE\Policies\Microsoft\W32Time\TimeProviders\NtpClient' Enabled
Registry 'service' $service Start
Registry 'parameters' "$service\Parameters" Type, NtpServer
Registry 'client' "$service\TimeProviders\NtpClient" Enabled
Registry 'status' "$service\Config\Status" LastGoodSampleInfo
Item 'domain_role' {
  [int](Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_ComputerSystem -Property DomainRole `
    -OperationTimeoutSec 8).DomainRole
}
Item 'time' {
  $start = New-Object DateTime 1970, 1, 1, 0, 0, 0, ([DateTimeKind]::Utc)
  [long][Math]::Floor(([DateTime]::UtcNow - $start).TotalSeconds)
}
List 'others' {
  $names = 'NTP', 'NetTimeSvc', 'Domain Time Client'
  Get-HcInstances Win32_Service -Seconds 8 | Where-Object { $_.State -eq 'Running' -and $names -contains $_.Name } |
    ForEach-Object { [string]$_.Name }
}
"""

FACTS: dict[str, JsonSchema] = {
    "time_source": {"enum": ["domain", "servers", "none"], "type": "string"},
    "time_service_off": {"type": "string"},
    "reference_age_hours": {"type": "integer"},
}

_DISABLED = 4
_CLIENT_OFF = "the NTP client is switched off"
#: The provider that asks Hyper-V, in the note of the last comparison; its name is not translated.
_HYPERVISOR = "vm ic time synchronization provider"
_PDC_EMULATOR = 5
_FROM_1601_TO_1970 = 11_644_473_600
#: Hours in thirty years: a note that is older tells of a clock that was wrong, not of a comparison.
_LONGEST = 262_800


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the source of time, what is in its way, and the age of the last comparison."""
    section, facts = read(capture), Facts()
    others = _others(section, context)
    source, off = _source(section, context), _off(section, others)
    if _by_hypervisor(section):
        why = "the hypervisor sets the clock (VM IC Time Synchronization Provider), and what it follows is not known"
        source = Setting(None, why=why) if source.value == "none" else source
        off = Setting(None, why=why) if off.value == _CLIENT_OFF else off
    facts.add("time_source", source)
    facts.add("time_service_off", off)
    facts.add("reference_age_hours", _age(section, others))
    return facts.observation()


def _source(section: Section, context: Context) -> Setting:
    kind = decide(
        section,
        [Place("policy", "Type", kinds=TEXT), Place("parameters", "Type", "local", TEXT)],
        None,
        "the time service has no Type",
    )
    if kind.why:
        return kind
    word, source = str(kind.value).strip().upper(), kind.source
    places = [Place("policy", "NtpServer", kinds=TEXT), Place("parameters", "NtpServer", "local", TEXT)]
    servers = decide(section, places, "")
    named = Setting("servers" if str(servers.value).strip() else "none", f"{source}; {servers.source}", servers.why)
    if word == "NOSYNC":
        return Setting("none", source)
    if word == "NTP":
        return named
    if word not in ("NT5DS", "ALLSYNC"):
        return Setting(None, why=f"the type {word[:20]!r} of the time service is not known")
    joined, role = context.system.windows.joined, section.item("domain_role")
    if joined is None:
        return Setting(None, why="whether the host belongs to a domain, whose time it is to follow, is not known")
    if not joined:
        return Setting("none", f"{source}, and the host belongs to no domain") if word == "NT5DS" else named
    if not role.ok:
        return Setting(None, why=role.trouble)
    if role.value == _PDC_EMULATOR and word == "NT5DS":
        return Setting(
            None, why="a PDC emulator follows the domain: whether it is the first of the forest is not known"
        )
    return Setting("domain", source)


def _off(section: Section, others: str) -> Setting:
    service = section.key("service")
    if isinstance(service, Item):
        return Setting(None, why=service.trouble)
    start = service.get("Start")
    if start is None or not isinstance(start.data, int):
        return Setting(None, why="how the service W32Time starts is not known")
    if start.data == _DISABLED:
        return Setting("the service W32Time is disabled", f"HKLM\\{service.path}\\Start", others)
    client = decide(
        section,
        [Place("policy_client", "Enabled"), Place("client", "Enabled", "local")],
        None,
        "whether the NTP client is on is not written",
    )
    if client.why:
        return client
    return Setting("" if client.value else _CLIENT_OFF, client.source)


def _others(section: Section, context: Context) -> str:
    """Say why the clock may not be the business of Windows' own service; "" when no other program keeps it."""
    others = section.item("others")
    names = ", ".join(str(name) for name in as_list(others.value))
    if not others.ok:
        return others.trouble
    return f"another program, {names}, keeps the clock" if names else unseen(context)


def _by_hypervisor(section: Section) -> bool:
    note = decide(section, [Place("status", "LastGoodSampleInfo", "local", TEXT)], "")
    return _HYPERVISOR in str(note.value or "").lower()


def _age(section: Section, others: str) -> Setting:
    note = decide(
        section, [Place("status", "LastGoodSampleInfo", "local", TEXT)], None, "the time service noted no comparison"
    )
    now = as_int(section.item("time").value)
    if note.why or now is None:
        return Setting(None, why=note.why or section.item("time").trouble)
    if others:
        return Setting(None, why=others)
    ticks, _, source = str(note.value).partition(";")
    number = as_int(ticks)
    if number is None or number <= 0:
        return Setting(None, why="the note of the last comparison holds no time")
    # in 100 nanoseconds since 1601, as Windows counts
    hours = (now - (number // 10**7 - _FROM_1601_TO_1970)) // 3600
    if hours < -1 or hours > _LONGEST:
        return Setting(None, why=f"the note of the last comparison is {hours} hours old, by the host's clock")
    return Setting(max(hours, 0), f"{note.source}: {source[:80]}")


PROBE = Probe(
    id="windows.clock",
    title="Source of the clock",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
    seconds=30,
)
