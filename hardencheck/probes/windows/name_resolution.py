"""Whether this host asks its neighbours for names that DNS does not know: by LLMNR, and by NetBIOS broadcasts.

Reads: the policy EnableMulticast; per network adapter with an address its own NetBIOS setting and the one that DHCP
gave (0 leaves it to DHCP, 1 on, 2 off; without either it is on); the node type, of which only 2 (P-node) broadcasts
nothing. The newer policy EnableNetbios is not looked at: it concerns one of several components that ask.
https://learn.microsoft.com/windows-hardware/customize/desktop/unattend/microsoft-windows-netbt-interfaces-interface-netbiosoptions
Needs: nothing.
Absent when: the adapters cannot be listed, a key refuses access, or an adapter is not known to NetBIOS. Adapters that
are not connected now are not seen.
"""

from __future__ import annotations

from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Section, as_bool, as_list, read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'policy' 'SOFTWARE\Policies\Microsoft\Windows NT\DNSClient' 'EnableMulticast'
$netbt = 'SYSTEM\CurrentControlSet\Services\NetBT\Parameters'
Registry 'netbt' $netbt 'NodeType', 'DhcpNodeType'
$ids = New-Object Collections.ArrayList
List 'adapters' {
  $adapters = Get-CimInstance -ClassName Win32_NetworkAdapterConfiguration -Filter 'IPEnabled = TRUE' `
    -Property SettingID, Description, DHCPEnabled -OperationTimeoutSec 15
  foreach ($one in ($adapters | Sort-Object -Property SettingID)) {
    [void]$ids.Add([string]$one.SettingID)
    @{ id = [string]$one.SettingID; name = [string]$one.Description; dhcp = $one.DHCPEnabled }
  }
}
foreach ($id in $ids) {
  Registry "netbt $id" "$netbt\Interfaces\Tcpip_$id" 'NetbiosOptions', 'DhcpNetbiosOptions'
}
"""

FACTS: dict[str, JsonSchema] = {
    "llmnr": {"type": "boolean"},
    "netbios_broadcasters": {"type": "array", "items": {"type": "string"}},
}

_P_NODE, _BY_DHCP, _OFF = 2, 0, 2
_SHOWN = 20


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether LLMNR is on, and the adapters on which names are asked for by broadcast."""
    section = read(capture)
    facts = Facts()
    policy = decide(section, [Place("policy", "EnableMulticast")], 1, "LLMNR is on")
    facts.add("llmnr", Setting(policy.value != 0, policy.source, policy.why))
    _broadcasters(facts, section)
    return facts.observation()


def _broadcasters(facts: Facts, section: Section) -> None:
    item = section.item("adapters")
    rows: list[dict[str, Any]] = [row for row in as_list(item.value) if isinstance(row, dict)] if item.ok else []
    if not rows:
        why = item.trouble if not item.ok else "no network adapter with an address was listed"
        facts.lack("netbios_broadcasters", why)
        return
    node = decide(
        section, [Place("netbt", "NodeType", "local"), Place("netbt", "DhcpNodeType", "local")], 0, "no node type"
    )
    if node.value == _P_NODE and not node.why:
        facts.put("netbios_broadcasters", [], f"{node.source}: P-node, which broadcasts nothing")
        return
    bad, unclear = [], []
    for row in rows:
        state = _netbios(section, row)
        if state.why:
            unclear.append(state.why)
        elif state.value:
            bad.append(f"{row.get('name')} ({state.source})")
    if unclear and not bad:
        facts.lack("netbios_broadcasters", "; ".join(unclear))
    elif bad and node.why:
        facts.lack("netbios_broadcasters", node.why)
    else:
        facts.put("netbios_broadcasters", sorted(bad)[:_SHOWN], f"{len(rows)} adapters; {node.source or node.why}")


def _netbios(section: Section, row: dict[str, Any]) -> Setting:
    """Return whether NetBIOS is on at one adapter."""
    item = f"netbt {row.get('id')}"
    if isinstance(key := section.key(item), Item):
        return Setting(None, why=key.trouble)
    if not key.exists:
        return Setting(None, why=f"{row.get('name')}: HKLM\\{key.path} was not found, so that NetBIOS may not be there")
    own = decide(section, [Place(item, "NetbiosOptions", "local")], _BY_DHCP, "left to DHCP")
    if own.why or own.value != _BY_DHCP:
        return Setting(own.value != _OFF, own.source, own.why)
    if as_bool(row.get("dhcp")) is not True:
        return Setting(True, "default of Windows: on where no DHCP server says otherwise")
    given = decide(section, [Place(item, "DhcpNetbiosOptions", "local")], 0, "on where the DHCP server says nothing")
    return Setting(given.value != _OFF, given.source, given.why)


PROBE = Probe(
    id="windows.name_resolution",
    title="Names that are asked of the neighbours",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=45,
    max_bytes=64 * 1024,
)
