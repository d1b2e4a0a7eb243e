"""How a workstation of a domain treats networks that are not the domain's: beside the domain's, and away from it.

Reads: the policy fBlockNonDomain ("Prohibit connection to non-domain networks when connected to domain authenticated
network"), and the category of every network that is connected now (0 public, 1 private, 2 the domain's). Names of
networks are not sent. https://learn.microsoft.com/windows/client-management/mdm/policy-csp-admx-wcm
Needs: nothing.
Absent when: the class of connections does not answer. Hosts that are no workstation of a domain are not applicable.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import as_int, as_list, read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'policy' 'SOFTWARE\Policies\Microsoft\Windows\WcmSvc\GroupPolicy' 'fBlockNonDomain'
List 'networks' {
  $networks = Get-CimInstance -Namespace 'root/StandardCimv2' -ClassName MSFT_NetConnectionProfile `
    -OperationTimeoutSec 15
  foreach ($one in ($networks | Sort-Object -Property InterfaceIndex)) {
    @{ interface = [string]$one.InterfaceAlias; category = [int]$one.NetworkCategory }
  }
}
"""

FACTS: dict[str, JsonSchema] = {
    "others_blocked_beside_domain": {"type": "boolean"},
    "private_networks": {"type": "array", "items": {"type": "string"}},
}

_PUBLIC, _PRIVATE, _DOMAIN = 0, 1, 2


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the policy, and the interfaces whose network is taken for a private one."""
    system = context.system.windows
    if system.role in ("server", "domain_controller"):
        return Observation.not_applicable("the host is a server")
    if system.joined is False:
        return Observation.not_applicable("the host belongs to no domain")
    section = read(capture)
    if system.role is None or system.joined is None:
        return Observation.not_collected("whether the host is a workstation of a domain is not known")
    facts = Facts()
    policy = decide(section, [Place("policy", "fBlockNonDomain")], 0, "other networks may be used beside the domain's")
    facts.add("others_blocked_beside_domain", Setting(policy.value == 1, policy.source, policy.why))
    item = section.item("networks")
    rows = [row for row in as_list(item.value) if isinstance(row, dict)] if item.ok else []
    categories = [as_int(row.get("category")) for row in rows]
    private = sorted({str(row.get("interface")) for row in rows if as_int(row.get("category")) == _PRIVATE})
    if private or (rows and set(categories) <= {_PUBLIC, _DOMAIN}):
        facts.put("private_networks", private[:20], f"MSFT_NetConnectionProfile: {len(rows)} networks")
    else:
        facts.lack("private_networks", item.trouble if not item.ok else "no network of a known category is connected")
    return facts.observation()


PROBE = Probe(
    id="windows.foreign_networks",
    title="Networks that are not the domain's",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=30,
    max_bytes=32 * 1024,
)
