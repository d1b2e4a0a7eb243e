"""An abstract packet, and what one condition of a firewall rule says about it.

The packet is the first one of a connection (NEW, for TCP with SYN alone): from any host outside to this host or to a
container behind it, or from this host to any host outside; to any port, as ports are a set, kept as the bits of one
integer. A condition answers which ports it lets through, and with which tags: a narrower end that must be met, or a
doubt that nobody can settle from here. Answers may admit too much but never too little, so "denied" is certain.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

ALL_PORTS = (1 << 65536) - 1

#: the first user id that useradd gives to people (UID_MIN of login.defs)
FIRST_PERSON = 1000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Tags:
    """What must also hold for a packet to get this far: narrower origins, and expressions that could not be decided."""

    origins: frozenset[str] = frozenset()
    doubts: frozenset[str] = frozenset()

    def __or__(self, other: Tags) -> Tags:
        return Tags(self.origins | other.origins, self.doubts | other.doubts)

    def __le__(self, other: Tags) -> bool:
        return self.origins <= other.origins and self.doubts <= other.doubts


FREE = Tags()


class Way(StrEnum):
    """Where a packet goes: to this host, through it, or out of it."""

    IN = "in"
    THROUGH = "through"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection.

    `family` is 4 or 6, `protocol` tcp or udp, `interface` where it comes in, or goes out for Way.OUT ("" stands for
    one that the ruleset does not name). `own` are the host's addresses. A packet that goes through has the address
    `target`, and leaves by the interface `leaves` (None: nobody knows). `marked`, `untracked` and `translated` tell
    whether some rule sets marks or turns tracking off, and to which local ports address translation leads. `tracked`
    is false while connection tracking has not seen the packet.
    """

    family: int
    protocol: str
    interface: str
    own: tuple[Network, ...] = ()
    way: Way = Way.IN
    target: Network | None = None
    leaves: str | None = None
    marked: bool = False
    untracked: bool = False
    translated: int = 0
    tracked: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """The ports for which a condition can hold, those for which it can fail, and the tags of either."""

    yes: int
    no: int
    yes_tags: Tags = FREE
    no_tags: Tags = FREE


YES = Answer(ALL_PORTS, 0)
NO = Answer(0, ALL_PORTS)
EITHER = Answer(ALL_PORTS, ALL_PORTS)

Condition = Callable[[Packet], Answer]


def constant(answer: Answer) -> Condition:
    """Return the condition with the same answer for every packet."""
    return lambda _: answer


def doubt(text: str) -> Condition:
    """Return the condition that nobody can decide from outside the host; `text` names it."""
    tags = Tags(doubts=frozenset({text}))
    return constant(Answer(ALL_PORTS, ALL_PORTS, tags, tags))


def origin(text: str) -> Condition:
    """Return the condition that only packets of a narrower origin meet, such as one source network."""
    return constant(Answer(ALL_PORTS, ALL_PORTS, Tags(origins=frozenset({text}))))


def unlisted(text: str) -> Condition:
    """Return the condition on a set of sources whose members are not known: somebody is surely not in it."""
    return constant(
        Answer(ALL_PORTS, ALL_PORTS, Tags(doubts=frozenset({f"from {text}, whose members are not listed"})))
    )


def negate(condition: Condition) -> Condition:
    """Return the opposite condition."""

    def answer(packet: Packet) -> Answer:
        found = condition(packet)
        return Answer(found.no, found.yes, found.no_tags, found.yes_tags)

    return answer


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that holds when all of these do."""
    parts = tuple(conditions)

    def answer(packet: Packet) -> Answer:
        found = [part(packet) for part in parts]
        yes, no, tags = ALL_PORTS, 0, FREE
        for one in found:
            yes, no, tags = yes & one.yes, no | one.no, tags | one.yes_tags
        return Answer(yes, no, tags, _common([one.no_tags for one in found if one.no]))

    return answer


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that holds when one of these does."""
    return negate(all_of([negate(condition) for condition in conditions]))


def _common(tags: list[Tags]) -> Tags:
    """Return tags that hold whichever of these do: those of the least bound, so that never too little is admitted."""
    if not tags or FREE in tags:
        return FREE
    sure = [one for one in tags if not one.doubts] or tags
    if len(set(sure)) == 1:
        return sure[0]
    words = sorted({word for one in sure for word in one.origins})
    origins = frozenset({" or ".join(words[:3]) + (" or more" if len(words) > 3 else "")} if words else ())
    return Tags(origins, frozenset({word for one in sure for word in one.doubts}))


def when(test: Callable[[Packet], bool]) -> Condition:
    """Return the condition that a property of the packet decides alone."""
    return lambda packet: YES if test(packet) else NO


def span(first: int, last: int) -> int:
    """Return the set of ports from `first` to `last`; raises ValueError outside 0..65535."""
    if not 0 <= first <= last <= 65535:
        raise ValueError(f"not a range of ports: {first}-{last}")
    return ((1 << (last - first + 1)) - 1) << first


def ranges(ports: int) -> list[tuple[int, int]]:
    """Return the ports of a set as ranges in order."""
    found, position = [], 0
    while ports:
        skip = (ports & -ports).bit_length() - 1
        ports >>= skip
        position += skip
        length = (~ports & (ports + 1)).bit_length() - 1
        found.append((position, position + length - 1))
        ports >>= length
        position += length
    return found


def once_tracked(condition: Condition) -> Condition:
    """Return a condition on the connection: before connection tracking it means something else."""
    early = doubt("the connection's state before connection tracking")
    return lambda packet: condition(packet) if packet.tracked else early(packet)


def to_ports(ports: int, protocols: Iterable[str] = ("tcp", "udp")) -> Condition:
    """Return the condition on the destination port."""
    names = frozenset(protocols)
    return lambda packet: Answer(ports, ALL_PORTS & ~ports) if packet.protocol in names else NO


def translated() -> Condition:
    """Return the condition that address translation led the packet here (`ct status dnat`)."""
    tags = Tags(origins=frozenset({"by address translation"}))

    def answer(packet: Packet) -> Answer:
        return YES if packet.way is Way.THROUGH else Answer(packet.translated, ALL_PORTS, tags)

    return answer


_NUMBERS = {"6": "tcp", "17": "udp"}


def protocols(names: Iterable[str]) -> Condition:
    """Return the condition on the transport protocol, by names or numbers."""
    known = {_NUMBERS.get(name, name) for name in names}
    return when(lambda packet: packet.protocol in known)


def protocols_or(names: Iterable[str], answer: Answer) -> Condition:
    """Return the condition with this answer for packets of these protocols, and "no" for others."""
    known = frozenset(names)
    return lambda packet: answer if packet.protocol in known else NO


def came_in_by(names: Iterable[str]) -> Condition:
    """Return the condition on the incoming interface; a name may hold `*`."""
    patterns = tuple(names)

    def test(packet: Packet) -> bool:
        name = "" if packet.way is Way.OUT else packet.interface
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return when(test)


def goes_out_by(names: Iterable[str]) -> Condition:
    """Return the condition on the outgoing interface; a name may hold `*`."""
    patterns = tuple(names)
    unknown = doubt(f"by which interface it leaves ({', '.join(patterns)})")

    def answer(packet: Packet) -> Answer:
        name = packet.interface if packet.way is Way.OUT else packet.leaves
        if name is None:
            return unknown(packet)
        return YES if any(fnmatchcase(name, pattern) for pattern in patterns) else NO

    return answer


def by_user(names: Iterable[str]) -> Condition:
    """Return the condition on the user who sends: a system account is a narrower origin, a person is anybody."""
    users = sorted({"0" if name == "root" else name for name in names})
    unknown = doubt(f"for user {', '.join(users)}")
    if not all(user.isdigit() for user in users):
        return unknown
    people = any(int(user) >= FIRST_PERSON for user in users)
    narrower = constant(EITHER) if people else origin(f"for user {', '.join(users)}")
    return lambda packet: (narrower if packet.way is Way.OUT else unknown)(packet)


def states(names: Iterable[str]) -> Condition:
    """Return the condition on the state of connection tracking: ours is `new`."""
    known = {name.strip().lower() for name in names}
    by_translation = translated()

    def answer(packet: Packet) -> Answer:
        if packet.untracked and ("untracked" in known) != ("new" in known):
            return doubt("connection tracking is turned off by a rule")(packet)
        if "new" in known:
            return YES
        return by_translation(packet) if "dnat" in known else NO

    return answer


def tcp_flags(mask: Iterable[str], value: Iterable[str]) -> Condition:
    """Return the condition on TCP's flags: of those in `mask` exactly `value` are set; ours has SYN alone."""
    mine, wanted = {"syn"} & {flag.lower() for flag in mask}, {flag.lower() for flag in value}
    return when(lambda packet: packet.protocol == "tcp" and mine == wanted)


def mark(value: int, mask: int, what: str) -> Condition:
    """Return the condition on a packet's or connection's mark: 0 unless a rule sets marks."""

    def answer(packet: Packet) -> Answer:
        if packet.marked:
            return doubt(f"{what} mark {value:#x}")(packet)
        return YES if value & mask == 0 else NO

    return answer


def from_here() -> Condition:
    """Return the condition that the source address is one of this host's."""
    return when(lambda packet: packet.way is Way.OUT)


def casts(kinds: Iterable[str]) -> Condition:
    """Return the condition on how the packet is addressed: local (or host), broadcast, multicast, unicast."""
    known = {kind.lower() for kind in kinds}

    def answer(packet: Packet) -> Answer:
        if known & {"local", "host"} and packet.way is Way.IN:
            return YES
        if known & {"unicast", "host"}:
            return EITHER
        if packet.protocol == "udp" and known & {"broadcast", "multicast", "anycast"}:
            return origin(f"by {'/'.join(sorted(known))}")(packet)
        return NO

    return answer


def sources(networks: Iterable[Network], text: str = "") -> Condition:
    """Return the condition on the source address; loopback addresses never come from outside."""
    given = [net for net in networks if not net.network_address.is_loopback]
    mine = {family: [net for net in given if net.version == family] for family in (4, 6)}
    answers = {family: _narrowed(mine[family], f"from {text}" if text else "from") for family in (4, 6)}

    def answer(packet: Packet) -> Answer:
        own = [net for net in packet.own if net.version == packet.family]
        ours = not own or any(net.overlaps(one) for net in mine[packet.family] for one in own)
        return EITHER if packet.way is Way.OUT and mine[packet.family] and ours else answers[packet.family]

    return answer


def _narrowed(networks: list[Network], text: str) -> Answer:
    """Return the answer for an end that is one of these networks; `text` is a word, or says all."""
    if not networks:
        return NO
    if any(net.prefixlen == 0 for net in networks):
        return YES
    if _wide(networks):
        return EITHER
    said = text if " " in text else f"{text} {_listed(networks)}"
    return Answer(ALL_PORTS, ALL_PORTS, Tags(origins=frozenset({said})))


def destinations(networks: Iterable[Network]) -> Condition:
    """Return the condition on the destination: of a packet to this host, as far as its own addresses can meet it."""
    given = tuple(networks)

    def answer(packet: Packet) -> Answer:
        if packet.target is not None:
            return _meets(packet.target, given)
        mine = [net for net in given if net.version == packet.family and not net.network_address.is_loopback]
        if any(net.prefixlen == 0 for net in mine):
            return YES
        if packet.way is Way.OUT:
            return _narrowed(mine, "to")
        own = [net for net in packet.own if net.version == packet.family]
        if not mine:
            return NO
        if not own or any(net.overlaps(address) for net in mine for address in own):
            return EITHER
        if packet.protocol == "tcp" and all(net.network_address.is_multicast for net in mine):
            return NO
        return origin(f"to {_listed(mine)}")(packet)

    return answer


def _meets(target: Network, networks: Iterable[Network]) -> Answer:
    """Return the answer for a destination that is known, or known to be in some network."""
    mine = [net for net in networks if net.version == target.version and net.overlaps(target)]
    if any(net.prefixlen <= target.prefixlen for net in mine):
        return YES
    return EITHER if mine else NO


def _wide(networks: list[Network]) -> bool:
    """Whether these networks are so large that they stand for everybody: more than the private ones together."""
    if networks[0].version == 4:
        return sum(net.num_addresses for net in networks) >= 1 << 25
    return any(net.prefixlen < 16 and not net.is_private and not net.is_link_local for net in networks)


def _listed(networks: list[Network]) -> str:
    shown = [str(net.network_address) if net.prefixlen == net.max_prefixlen else str(net) for net in networks[:3]]
    return ", ".join(shown) + (f" and {len(networks) - 3} more" if len(networks) > 3 else "")
