r"""Whether the event logs leave the host: by Windows' own event forwarding, or by an agent.

A line in a policy and an installed service send nothing by themselves. Forwarding counts when its own log says last of
a subscription that it was created, and of a collector that it was reached; an agent counts when it runs, starts with
the system, and one of its processes holds a connection to another machine.

Reads: SubscriptionManager below SOFTWARE\Policies\Microsoft\Windows\EventLog\EventForwarding; events of the log
Microsoft-Windows-Forwarding/Operational, by number: the newest of each subscription (100: created, 101: created, and a
log cannot be read, 102: not created, 103: ended) and of each collector (104: reached, 105: not reached); services that
run and start with the system, processes and their parents, established TCP connections.
https://learn.microsoft.com/windows/security/threat-protection/use-windows-event-forwarding-to-assist-in-intrusion-detection
Needs: administrator rights.
Facts:
  forwarders  collectors that event forwarding reaches, and agents (of `windows_log_agents`) that are connected
Absent when: forwarding is set up and its log names no subscription in force, or one of which a log cannot be read; an
agent runs and is connected to no other machine just now, or through a relay on the host. Which events are sent, and
whether they arrive, is not seen here.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Key, Section, as_int, as_list, read
from hardencheck.probes.windows.settings import Facts

SCRIPT = r"""
Registry 'managers' 'SOFTWARE\Policies\Microsoft\Windows\EventLog\EventForwarding\SubscriptionManager' '*'
List 'subscriptions' {
  $wanted = @{ LogName = 'Microsoft-Windows-Forwarding/Operational'; Id = 100, 101, 102, 103 }
  Get-WinEvent -FilterHashtable $wanted -MaxEvents 60 |
    ForEach-Object { "$([int]$_.Id) $(Get-HcTime $_.TimeCreated) $([string]$_.Properties[0].Value)" }
}
List 'collectors' {
  $wanted = @{ LogName = 'Microsoft-Windows-Forwarding/Operational'; Id = 104, 105 }
  Get-WinEvent -FilterHashtable $wanted -MaxEvents 60 |
    ForEach-Object { "$([int]$_.Id) $(Get-HcTime $_.TimeCreated) $([string]$_.Properties[0].Value)" }
}
List 'services' {
  Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_Service -Filter "State = 'Running' AND StartMode = 'Auto'" `
    -Property Name, ProcessId -OperationTimeoutSec 8 | Sort-Object -Property Name | Select-Object -First 400 |
    ForEach-Object { @{ name = [string]$_.Name; pid = [long]$_.ProcessId } }
}
List 'processes' {
  Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_Process -Property ProcessId, ParentProcessId `
    -OperationTimeoutSec 8 | Sort-Object -Property ProcessId | Select-Object -First 3000 |
    ForEach-Object { "$([long]$_.ProcessId) $([long]$_.ParentProcessId)" }
}
List 'connections' {
  Get-CimInstance -Namespace 'root/StandardCimv2' -ClassName MSFT_NetTCPConnection -Filter 'State = 5' `
    -Property LocalAddress, RemoteAddress, OwningProcess -OperationTimeoutSec 8 | Select-Object -First 2000 |
    ForEach-Object { "$([long]$_.OwningProcess) $([string]$_.RemoteAddress) $([string]$_.LocalAddress)" } |
    Sort-Object -Unique
}
"""

FACTS: dict[str, JsonSchema] = {"forwarders": {"type": "array", "items": {"type": "string"}}}

_MOST_SERVICES = 400
_CREATED, _PARTLY, _ENDED, _REACHED, _LOST, _NO_EVENT = 100, 101, 103, 104, 105, "ObjectNotFound"
_ADDRESS = re.compile(r"https?://([^,\s/:]+)", re.IGNORECASE)
_SERVER = re.compile(r"server\s*=\s*(https?://[^,\s/:]+)", re.IGNORECASE)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what takes the logs off the host."""
    section, facts = read(capture), Facts()
    found: list[str] = []
    doubts: list[str] = []
    _events(section, found, doubts)
    _agents(section, context.values["windows_log_agents"], found, doubts)
    if found or not doubts:
        facts.put("forwarders", found[:20], "event forwarding and its log; services and connections of the host")
    else:
        facts.lack("forwarders", "; ".join(doubts))
    return facts.observation()


def _events(section: Section, found: list[str], doubts: list[str]) -> None:
    key = section.key("managers")
    if not isinstance(key, Key):
        doubts.append(key.trouble)
        return
    texts = [value.data for value in key.values.values() if isinstance(value.data, str)]
    servers = sorted({match[1] for text in texts if (match := _SERVER.search(text))})
    if not servers:
        if any(text.strip() for text in texts):
            doubts.append(f"HKLM\\{key.path} names a collector in a form that is not understood")
        return
    subscriptions, collectors = section.item("subscriptions"), section.item("collectors")
    for item in (subscriptions, collectors):
        if not item.ok and item.category != _NO_EVENT:
            doubts.append(item.trouble)
            return
    about, links = _newest(subscriptions), _newest(collectors)
    created = max((when for number, when in about.values() if number == _CREATED), default="")
    lost = max((when for number, when in links.values() if number == _LOST), default="")
    reached = [address for address, (number, _) in links.items() if number == _REACHED]
    if lost and not reached and created <= lost:
        return
    numbers = {number for number, _ in about.values()}
    if created:
        hosts = {match[1].lower() for address in reached if (match := _ADDRESS.match(address))}
        named = [server for server in servers if server.partition("://")[2].lower() in hosts] or servers
        found.extend(f"event forwarding to {server[:100]}" for server in named)
    elif _PARTLY in numbers:
        doubts.append(
            f"event forwarding to {servers[0][:100]} is set up, and its own log says that a log cannot be read"
        )
    elif not numbers or _ENDED in numbers:
        doubts.append(
            f"event forwarding to {servers[0][:100]} is set up, and its own log names no subscription in force"
        )


def _newest(item: Item) -> dict[str, tuple[int, str]]:
    """Return number and time of the newest event of each subscription or collector; the host lists the newest first."""
    events: dict[str, tuple[int, str]] = {}
    for line in as_list(item.value):
        number, _, rest = str(line).partition(" ")
        when, _, name = rest.partition(" ")
        known = as_int(number)
        if known is not None:
            events.setdefault(name.strip(), (known, when))
    return events


def _agents(section: Section, names: list[str], found: list[str], doubts: list[str]) -> None:
    wanted = {name.lower() for name in names}
    services = section.item("services")
    if not services.ok:
        doubts.append(services.trouble)
        return
    running = [entry for entry in as_list(services.value) if isinstance(entry, dict)]
    agents = {str(entry.get("name")): as_int(entry.get("pid")) for entry in running}
    agents = {name: pid for name, pid in agents.items() if name.lower() in wanted and pid}
    if not agents:
        if len(running) >= _MOST_SERVICES:
            doubts.append("the host has more services than were listed")
        return
    processes, connections = section.item("processes"), section.item("connections")
    if not processes.ok or not connections.ok:
        doubts.append((connections if processes.ok else processes).trouble)
        return
    children = _children(processes)
    connected = {pid for pid, away in map(_connection, as_list(connections.value)) if pid and away}
    for name, pid in sorted(agents.items()):
        if _family(pid or 0, children) & connected:
            found.append(f"the agent {name}")
        else:
            doubts.append(f"the agent {name} runs, and is connected to no other machine")


def _children(item: Item) -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for line in as_list(item.value):
        pid, _, parent = str(line).partition(" ")
        one, other = as_int(pid), as_int(parent)
        if one and other and one != other:
            children.setdefault(other, []).append(one)
    return children


def _family(pid: int, children: dict[int, list[int]]) -> set[int]:
    family, waiting = set[int](), [pid]
    while waiting:
        one = waiting.pop()
        if one not in family:
            family.add(one)
            waiting.extend(children.get(one, ()))
    return family


def _connection(line: Any) -> tuple[int | None, bool]:
    """Return whose connection it is, and whether it leaves the host."""
    pid, _, addresses = str(line).partition(" ")
    remote, _, local = addresses.partition(" ")
    return as_int(pid), remote != local and _remote(remote)


def _remote(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return not (mapped.is_loopback or mapped.is_unspecified)


PROBE = Probe(
    id="windows.log_forwarding",
    title="Event logs leave the host",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    max_bytes=192 * 1024,
    seconds=40,
    parameters={"windows_log_agents": {"type": "array", "items": {"type": "string"}}},
)
