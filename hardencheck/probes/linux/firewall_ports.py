"""Which sockets and container ports the loaded ruleset exposes, and what this host may reach outside.

A published port passes by the input hook: address translation hands it on (hooks prerouting and forward), where
DOCKER-USER and its like may stop it. Where an engine has a process that listens for its containers, the socket counts
like any other.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from hardencheck.probes.linux import listeners
from hardencheck.probes.linux.firewall_view import PROTOCOLS, Found, View, guest
from hardencheck.probes.linux.listeners import Listener
from hardencheck.probes.linux.packet_filter import Flow, Translation, handed_on, merged, shown, translations
from hardencheck.probes.linux.packets import ALL_PORTS, FREE, Network, Tags, Way, ranges
from hardencheck.probes.output import Output

#: processes of container engines that listen on the host for a container
_PROXIES = {"docker-proxy", "rootlesskit", "rootlessport", "slirp4netns", "pasta", "pasta.avx2", "conmon", "containerd"}
_SHOWN = 100
#: ranges of at most so many ports are written as single ports, as site lists have them
_SINGLE = 8

#: where translation leads, by interface
Subnets = dict[str, list[Network]]


def inbound(found: Found, view: View, family: int, *, off: bool) -> None:
    """Yield ipvN_inbound and ipvN_open_ports."""
    name, ports = f"ipv{family}_inbound", f"ipv{family}_open_ports"
    _verdict(found, view, (name, family, Way.IN), off=off)
    unsure = view.unsure()
    if off:
        found.facts[ports] = []
    elif unsure:
        found.missing[ports] = "; ".join(unsure)
    else:
        found.facts[ports] = [item for protocol in PROTOCOLS for item in shown(protocol, view.outer(family, protocol))][
            :_SHOWN
        ]


def outbound(found: Found, view: View, off: set[int]) -> None:
    """Yield ipv4_outbound, ipv6_outbound, and which ports can be reached outside: anywhere, or at some hosts only."""
    families = [family for family in (4, 6) if family not in off]
    for family in (4, 6):
        _verdict(found, view, (f"ipv{family}_outbound", family, Way.OUT), off=family in off)
    if unsure := view.unsure(Way.OUT):
        found.missing.update(dict.fromkeys(("outbound_ports", "outbound_exceptions"), "; ".join(unsure)))
        return
    anywhere, exceptions = [], []
    for protocol in PROTOCOLS:
        flow = merged(view.outer(family, protocol, Way.OUT) for family in families)
        free = flow.get(FREE, 0)
        anywhere += _singles(protocol, free)
        whole = {tags: ALL_PORTS if ports | free == ALL_PORTS else ports for tags, ports in flow.items()}
        exceptions += shown(protocol, {tags: ports for tags, ports in whole.items() if tags != FREE})
    doubtful = [item for item in exceptions if "(undecided" in item]
    if doubtful:
        found.missing["outbound_ports"] = "cannot decide: " + "; ".join(doubtful[:3])
    else:
        found.facts["outbound_ports"] = anywhere[:_SHOWN]
    found.facts["outbound_exceptions"] = exceptions[:_SHOWN]


def sockets(found: Found, view: View, output: Output, subnets: Subnets, families: tuple[int, ...]) -> None:
    """Yield reachable_listeners, listener_details, published_ports and container_ports."""
    names = ("reachable_listeners", "listener_details", "published_ports", "container_ports")
    if "ss" in output.runs and output.run("ss").status == 0:
        listed, source = listeners.from_ss(output.run("ss").lines), "ss -lntup"
    elif "kernel_sockets" in output.runs and output.run("kernel_sockets").status == 0:
        listed, source = listeners.from_kernel(output.run("kernel_sockets").lines), "/proc/net/{tcp,tcp6,udp,udp6}"
    else:
        found.missing.update(dict.fromkeys(names, "neither ss nor /proc/net shows the listening sockets"))
        return
    if view.ruleset.unseen:
        found.missing.update(dict.fromkeys(names, "; ".join(view.ruleset.unseen)))
        return
    reached, doubts = _reached(view, listed, families)
    published = _published(view, families, subnets)
    found.facts["published_ports"] = sorted(published, key=_order)
    passing = {item: flow for item, flow in published.items() if flow}
    items = {socket.item for socket in reached} | {item.split()[0] for item in passing}
    unlisted = [text for flow in passing.values() for text in _doubts(flow) if not _certain(flow)]
    held = [socket for socket in listed if socket.outside and _PROXIES & set(socket.processes)]
    _containers(found, view, passing, (held, families))
    if blind := _blind(output, reached):
        found.facts.pop("container_ports", None)
        found.missing["container_ports"] = blind
    if doubts or unlisted:
        found.missing.update(dict.fromkeys(names[:2], "; ".join(dict.fromkeys([*doubts, *unlisted]))))
        return
    found.facts["reachable_listeners"] = sorted(items, key=_order)
    found.facts["listener_details"] = [str(socket) for socket in reached]
    shown_here = [*map(str, reached), *(f"{item} (handed on)" for item in sorted(passing, key=_order))]
    found.read_from["reachable_listeners"] = "; ".join([source, *shown_here])


def _verdict(found: Found, view: View, what: tuple[str, int, Way], *, off: bool) -> None:
    name, family, way = what
    verdict = view.verdict(family, way)
    if off:
        found.facts[name] = "off"
        found.read_from[name] = "/proc/net/if_inet6, net.ipv6.conf.*.disable_ipv6"
    elif verdict.answer is None:
        found.missing[name] = verdict.because
    else:
        found.facts[name] = verdict.answer
        text = "loaded " if verdict.answer == "denied" else "the loaded ruleset: "
        found.read_from[name] = text + verdict.because


def _reached(view: View, listed: list[Listener], families: tuple[int, ...]) -> tuple[list[Listener], list[str]]:
    """Return the sockets that some packet from outside reaches, and the doubts about others."""
    doubts, reached = [], []
    for socket in listed:
        if not socket.outside or (guest(socket.interface) and socket.interface not in view.outside):
            continue
        admits, why = _reaches(view, socket, families)
        reached += [socket] if admits else []
        doubts += why
    return reached, [*doubts, *(view.unsure() if reached else [])]


def _reaches(view: View, socket: Listener, families: tuple[int, ...]) -> tuple[bool, list[str]]:
    doubts: list[str] = []
    for family in set(socket.families) & set(families):
        for tags, ports in view.flow(family, socket.protocol, socket.interface).items():
            if ports >> socket.port & 1:
                if not tags.doubts:
                    return True, []
                doubts += [f"cannot decide for {socket.item}: {text}" for text in sorted(tags.doubts)]
    return False, doubts


def _published(view: View, families: tuple[int, ...], subnets: Subnets) -> dict[str, Flow]:
    """Return the ports that address translation hands on to another address, and what gets there of each."""
    found: dict[str, Flow] = {}
    for family in families:
        for protocol in PROTOCOLS:
            for interface in view.outside or [""]:
                packet = view.packet(family, protocol, interface)
                for one in translations(view.ruleset, packet):
                    if one.target:
                        target, leaves = _behind(one.target, subnets, family)
                        flow = handed_on(view.ruleset, view.towards(packet, target, leaves), one)
                        for name in _names(protocol, one):
                            found[name] = merged([found.get(name, {}), flow])
    return found


def _behind(address: str, subnets: Subnets, family: int) -> tuple[Network, str | None]:
    """Return the target's network and the interface that leads there; what is not an address may be anywhere."""
    try:
        target = ipaddress.ip_network(address)
    except ValueError:
        return ipaddress.ip_network("0.0.0.0/0" if family == 4 else "::/0"), None
    for name, networks in sorted(subnets.items()):
        if any(net.version == target.version and net.overlaps(target) for net in networks):
            return target, name
    return target, None


def _names(protocol: str, one: Translation) -> list[str]:
    to_port = f":{ranges(one.to_ports)[0][0]}" if one.to_ports.bit_count() == 1 else ""
    spans = [str(first) if first == last else f"{first}-{last}" for first, last in ranges(one.ports)]
    return [f"{protocol}/{span} to {one.target}{to_port}" for span in spans]


def _containers(
    found: Found, view: View, passing: dict[str, Flow], sockets: tuple[list[Listener], tuple[int, ...]]
) -> None:
    """Yield the container ports that anybody outside gets to: handed on, or held by a process of the engine."""
    anybody = {item.split()[0]: item for item, flow in passing.items() if FREE in flow}
    doubts = [f"cannot decide for {item}: {text}" for item, flow in passing.items() for text in _doubts(flow)]
    held, families = sockets
    for socket in held:
        flows = [
            view.flow(family, socket.protocol, socket.interface) for family in set(socket.families) & set(families)
        ]
        tags = {met for flow in flows for met, ports in flow.items() if ports >> socket.port & 1}
        if FREE in tags:
            anybody.setdefault(socket.item, str(socket))
        else:
            doubts += [f"cannot decide for {socket}: {text}" for met in tags for text in sorted(met.doubts)]
    if doubts or (anybody and view.unsure()):
        found.missing["container_ports"] = "; ".join([*doubts[:3], *view.unsure()])
        return
    found.facts["container_ports"] = sorted(anybody, key=_order)
    if anybody:
        found.read_from["container_ports"] = "; ".join(sorted(anybody.values(), key=_order))


def _blind(output: Output, reached: list[Listener]) -> str:
    """Return why container ports may be open that are not seen here."""
    lines = output.files.get("/proc/net/ip_vs", "").splitlines()
    if any(line.startswith(("TCP", "UDP")) for line in lines):
        return "IPVS hands connections on, past what is read here"
    if reached and "ss" not in output.runs:
        return "without ss nobody knows which process holds a port"
    return ""


def _certain(flow: Flow) -> bool:
    return any(not tags.doubts for tags in flow)


def _doubts(flow: Flow) -> list[str]:
    return sorted({text for tags in flow for text in tags.doubts if not _free(flow, tags)})


def _free(flow: Flow, tags: Tags) -> bool:
    """Whether the ports of these tags get through anyway."""
    return not flow[tags] & ~flow.get(FREE, 0)


def _singles(protocol: str, ports: int) -> list[str]:
    found: list[str] = []
    for first, last in ranges(ports):
        if last - first < _SINGLE:
            found += [f"{protocol}/{port}" for port in range(first, last + 1)]
        else:
            found += shown(protocol, {FREE: _span(first, last)})
    return found


def _span(first: int, last: int) -> int:
    return ((1 << (last - first + 1)) - 1) << first


def _order(item: str) -> tuple[str, int, str]:
    protocol, _, rest = item.partition("/")
    return protocol, int(re.split(r"[- ]", rest)[0]), item


def families_on(off: Iterable[int]) -> tuple[int, ...]:
    """Return the address families that some interface speaks."""
    return tuple(family for family in (4, 6) if family not in set(off))
