"""What the loaded firewall lets in and out, which sockets and containers it exposes, and what a restart leaves of it.

Reads: `nft list ruleset`; iptables-save of the legacy tables where the kernel has some
(/proc/net/ip_tables_names, ip6_tables_names), of nf_tables where nft cannot show what iptables loaded or is missing;
`ss -lntup` or /proc/net/{tcp,tcp6,udp,udp6}; `ip -o addr`, /sys/class/net, /proc/net/if_inet6 and disable_ipv6;
/proc/net/route (an interface with the default route leads outside, whatever its name); `systemctl list-unit-files` of
the services that load rules, their unit files and the files that they load.
Needs: root for the ruleset. Nothing is loaded or registered: legacy tables are listed only where they exist.
Facts: ipv4_inbound and ipv6_inbound say what becomes of a new TCP or UDP connection from outside to a port that nobody
opened: `denied`, `open` (more than half of all ports can be reached from anywhere by some interface) or `off` (no
interface speaks IPv6). ipv4_open_ports and ipv6_open_ports are the exceptions (`tcp/22 from 10.0.0.0/8`).
reachable_listeners are sockets and ports handed on to containers that some packet from outside can reach, as `tcp/22`;
listener_details says who listens where. published_ports are all that address translation hands on, container_ports
those of them, and of sockets that container engines hold, that anybody outside gets to. Bridges to the host's own
guests are not outside. ipv4_outbound and ipv6_outbound say the same of connections from this host to anywhere,
outbound_ports are the ports that it reaches anywhere, outbound_exceptions those at some hosts or for some accounts
only. boot_ipv4_inbound and boot_ipv6_inbound say what the rules deny that the next start of the system loads
(`depends`: on which of two services comes last), boot_opened_ports which ports are open to anybody then and are not
now. enabled_firewall_units start with the system. deny_is_stated: a default deny stands in so many words where the
host's own firewall has its default (zones with target DROP, ufw's policy, chains with policy drop).
Absent when: never. Expressions that cannot be decided make the facts that depend on them missing.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import firewall_boot, firewall_listing, firewall_ports
from hardencheck.probes.linux.firewall_view import Found, View
from hardencheck.probes.output import read

SCRIPT = firewall_listing.SCRIPT + firewall_boot.SCRIPT

_ITEMS: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "ipv4_inbound": {"type": "string", "enum": ["denied", "open"]},
    "ipv6_inbound": {"type": "string", "enum": ["denied", "open", "off"]},
    "ipv4_open_ports": _ITEMS,
    "ipv6_open_ports": _ITEMS,
    "reachable_listeners": _ITEMS,
    "listener_details": _ITEMS,
    "published_ports": _ITEMS,
    "container_ports": _ITEMS,
    "ipv4_outbound": {"type": "string", "enum": ["denied", "open"]},
    "ipv6_outbound": {"type": "string", "enum": ["denied", "open", "off"]},
    "outbound_ports": _ITEMS,
    "outbound_exceptions": _ITEMS,
    "enabled_firewall_units": _ITEMS,
    "boot_ipv4_inbound": {"type": "string", "enum": ["denied", "open", "depends"]},
    "boot_ipv6_inbound": {"type": "string", "enum": ["denied", "open", "depends", "off"]},
    "boot_opened_ports": _ITEMS,
    "deny_is_stated": {"type": "boolean"},
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what the kernel's ruleset lets through, walked with a packet at the hooks that it meets."""
    output = read(capture)
    ruleset = firewall_listing.ruleset(output, privileged=context.system.privileged)
    where = firewall_listing.addresses(output)
    outside = firewall_listing.outside(output, where)
    own = tuple(address for name, found in where.items() if name != "lo" for address in found)
    view = View(ruleset, outside, own)
    found = Found({}, {}, {})
    off = {6} if firewall_listing.ipv6_off(output, where) else set()
    for family in (4, 6):
        firewall_ports.inbound(found, view, family, off=family in off)
    firewall_ports.sockets(found, view, output, firewall_listing.subnets(output), firewall_ports.families_on(off))
    firewall_ports.outbound(found, view, off)
    firewall_boot.after_restart(found, view, output, off, privileged=context.system.privileged)
    return Observation.of(found.facts, found.read_from, found.missing)


PROBE = Probe(
    id="linux.firewall",
    title="Loaded firewall rules, what they expose and let out, and what a restart leaves of them",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=20,
    max_bytes=1536 * 1024,
    version=2,
)
