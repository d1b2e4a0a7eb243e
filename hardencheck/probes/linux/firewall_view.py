"""What the packet filter says of this host: the ruleset as seen from each interface that leads outside."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hardencheck.probes.linux.packet_filter import Admitted, Flow, Ruleset, admitted, merged, sent
from hardencheck.probes.linux.packets import FREE, Network, Packet, Way

#: a firewall that lets more than this many ports through denies nothing by default
HALF = 32768
PROTOCOLS = ("tcp", "udp")
#: interfaces that the host makes for its own guests
_GUESTS = re.compile(
    r"lo|docker\d+|docker_gwbridge|br-[0-9a-f]{12}|virbr\d+|(veth|vnet|cali|lxc|cni|podman|flannel|lxdbr|incusbr)\S*"
)


@dataclass(frozen=True, slots=True)
class Found:
    """Facts, where they were read, and why others are missing, as they come to light."""

    facts: dict[str, object]
    read_from: dict[str, str]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of new connections by default: `denied`, `open`, or None with the reasons that leave it open."""

    answer: str | None
    because: str


class View:
    """The ruleset as seen from each outside interface; "" stands for an interface that is not there yet."""

    def __init__(self, ruleset: Ruleset, outside: list[str], own: tuple[Network, ...]) -> None:
        self.ruleset = ruleset
        self.outside = outside
        self.own = own
        self._seen: dict[Packet, Admitted] = {}

    def packet(self, family: int, protocol: str, interface: str, way: Way = Way.IN) -> Packet:
        """Return the first packet of a connection, in by an interface or out by it."""
        return Packet(family, protocol, interface, self.own, way)

    def by(self, packet: Packet) -> Admitted:
        """Return what becomes of one packet."""
        if packet not in self._seen:
            self._seen[packet] = (sent if packet.way is Way.OUT else admitted)(self.ruleset, packet)
        return self._seen[packet]

    def outer(self, family: int, protocol: str, way: Way = Way.IN) -> Flow:
        """Return which ports outsiders can knock at, or can be reached, by any interface that is there."""
        return merged(self.by(self.packet(family, protocol, name, way)).outer for name in self.outside or [""])

    def flow(self, family: int, protocol: str, interface: str = "") -> Flow:
        """Return what comes in by one interface, or by any that is there."""
        names = [interface] if interface else self.outside or [""]
        return merged(self.by(self.packet(family, protocol, name)).flow for name in names)

    def unsure(self, way: Way = Way.IN) -> list[str]:
        """Return what may close ports beyond the chains that were walked."""
        ruleset = self.ruleset
        chains = [f"{chain} drops packets at egress" for chain in ruleset.late]
        if way is not Way.OUT:
            chains = [f"{chain} drops packets at ingress" for chain in ruleset.early]
        return [*ruleset.unseen, *chains]

    def verdict(self, family: int, way: Way = Way.IN) -> Verdict:
        """Return whether most ports are closed to a connection between this host and anywhere."""
        wide, doubts = self._wide(family, way)
        unsure = self.unsure(way)
        if not wide and not doubts:
            hook = "output" if way is Way.OUT else "input"
            hooked = [f"{chain.table} {chain.name}" for chain in self.ruleset.hooked(hook, family)]
            return Verdict("denied", f"chains at the {hook} hook: {', '.join(hooked)}")
        if unsure or not wide:
            return Verdict(None, "; ".join(unsure or doubts))
        return Verdict("open", "; ".join(wide[:3]))

    def _wide(self, family: int, way: Way) -> tuple[list[str], list[str]]:
        """Return what lets more than half of all ports through freely, and the doubts that may do so."""
        wide, doubts = [], []
        for interface in (*self.outside, ""):
            for protocol in PROTOCOLS:
                seen = self.by(self.packet(family, protocol, interface, way))
                if seen.flow.get(FREE, 0).bit_count() > HALF:
                    grants = [grant for grant in seen.grants if grant.tags == FREE and grant.ports.bit_count() > 1024]
                    hook = "output" if way is Way.OUT else "input"
                    wide += [grant.text for grant in grants] or [f"no chain is loaded at the {hook} hook"]
                    continue
                certain = merged({FREE: ports} for tags, ports in seen.flow.items() if not tags.origins)
                if certain.get(FREE, 0).bit_count() > HALF:
                    doubts += [f"cannot decide: {text}" for tags in seen.flow for text in sorted(tags.doubts)]
        return list(dict.fromkeys(wide)), list(dict.fromkeys(doubts))

    def free(self, family: int, protocol: str, way: Way = Way.IN) -> int:
        """Return the set of ports that are open to, or at, anybody."""
        return self.outer(family, protocol, way).get(FREE, 0)

    def on(self, ruleset: Ruleset) -> View:
        """Return the same host with another ruleset."""
        return View(ruleset, self.outside, self.own)

    def towards(self, packet: Packet, target: Network, leaves: str | None) -> Packet:
        """Return the packet as it is handed on to a container."""
        return replace(packet, way=Way.THROUGH, target=target, leaves=leaves)


def guest(interface: str) -> bool:
    """Return whether this is an interface that the host made for its own guests, or loopback."""
    return bool(interface) and _GUESTS.fullmatch(interface) is not None
