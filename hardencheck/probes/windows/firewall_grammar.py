"""One rule of the Windows firewall as the registry holds it: `v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|...|`.

The grammar is that of [MS-GPFAS], 2.2.2.19: names and keywords are the same in every language. Fields that say who may
come, and are not understood here, make a rule `uncertain`: what it lets in is then not decided.
https://learn.microsoft.com/openspecs/windows_protocols/ms-gpfas/2efe0b76-7b4a-41ff-9050-1023f8196d16
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PROFILES = ("domain", "private", "public")
TCP, UDP = 6, 17
ANY_PROTOCOL = 256
EVERY_PORT = ((0, 65535),)

#: fields that say nothing about who may reach what
_DESCRIBING = frozenset(
    {"name", "desc", "embedctxt", "edge", "defer", "lsm", "lom", "skipver", "pcross", "iftype", "authbypassout"}
)
#: fields that let only certain senders, users or packages in; PFN, the name of a package's family, is in no document,
#: but on all of today's systems
_NARROWING = frozenset({"rmauth", "ruauth", "apppkgid", "pfn", "luown", "securityrealmid", "nnm"})
_NARROWING_FAMILIES = ("security", "luauth", "ttk")
#: fields that were given new names with newer versions of the grammar: RA42 is RA4 with more keywords
_REMOTE = ("ra4", "ra6", "ra42", "ra62")
_LOCAL = ("la4", "la6")
_ONCE = frozenset({"action", "active", "dir", "protocol", "app", "svc"})
#: fields beside which a rule is about every packet to its ports, whoever sends it and wherever it arrives
_UNLIMITED = _ONCE | {"profile", "name", "desc", "embedctxt", "edge", "defer"}
_PORTS = re.compile(r"lport(2_[0-9]+)?")
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[vV][0-9]+\.[0-9]+")

#: who names more addresses than this names everybody: half of IPv4, or of what is given out of IPv6 (2000::/3)
_HALF = {4: 2**31, 6: 2**124}
_INTERNET = frozenset({"internet", "intrnet", "any", "*"})
#: words for senders that are few, whatever the network is like
_FEW = frozenset(
    ["localsubnet", "dns", "dhcp", "wins", "defaultgateway", "intranet", "rmtintranet", "ply2renders", "captiveportal"]
)
#: who names as many ports as there are above the first 1024 names nearly all
_NEARLY_ALL = 2**16 - 1024


class RuleUnreadable(ValueError):
    """A text is no rule of the firewall's grammar."""


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One rule: what it does to which packets.

    `action` is allow, block or bypass. `protocol` is a number, 256 for any. `ports` are ranges of local ports; None is
    every port, and `keywords` are ports by purpose in lower case ("rpc-epmap"). `program` and `service` are "" when any
    will do. `everybody` tells whether any sender is meant. `narrowed` names the fields that let only some users,
    packages or authenticated machines in, `uncertain` those whose effect is not known here, such as an interface.
    `unlimited` tells whether nothing at all but profile, protocol, local port and program says which packets are meant:
    a rule that blocks counts only then, because half of a block keeps nobody out.
    """

    action: str
    active: bool
    inbound: bool
    profiles: frozenset[str] = frozenset(PROFILES)
    protocol: int = ANY_PROTOCOL
    ports: tuple[tuple[int, int], ...] | None = None
    keywords: frozenset[str] = frozenset()
    program: str = ""
    service: str = ""
    everybody: bool = True
    narrowed: frozenset[str] = frozenset()
    uncertain: frozenset[str] = frozenset()
    label: str = ""
    unlimited: bool = True

    @property
    def nearly_every_port(self) -> bool:
        """Whether the rule is about all local ports, or all but about a thousand."""
        if self.ports is None:
            return not self.keywords
        count, reached = 0, -1
        for low, high in self.ports:
            count += max(high - max(low - 1, reached), 0)
            reached = max(reached, high)
        return count >= _NEARLY_ALL

    def speaks(self, protocol: int) -> bool:
        """Whether the rule is about this protocol."""
        return self.protocol in (protocol, ANY_PROTOCOL)

    def covers(self, port: int) -> bool:
        """Whether a local port is among those that the rule is about."""
        return self.ports is None or any(low <= port <= high for low, high in self.ports)


def read_rule(text: str) -> FirewallRule:
    """Read one rule; raises RuleUnreadable when it is none, or says a thing twice."""
    version, *pieces = text.split("|")
    if not _VERSION.fullmatch(version.strip()):
        raise RuleUnreadable("no version at its beginning")
    fields: dict[str, list[str]] = {}
    for piece in pieces:
        name, sign, value = piece.partition("=")
        if not sign and piece.strip():
            raise RuleUnreadable("a part of it is no field")
        if sign:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    for name in _ONCE & fields.keys():
        if len({value.lower() for value in fields[name]}) > 1:
            raise RuleUnreadable(f"{name} is given twice")
    ports, keywords = _ports(value for name, values in fields.items() if _PORTS.fullmatch(name) for value in values)
    return FirewallRule(
        action=_word(fields, "action", ("allow", "block", "bypass")),
        active="active" in fields and _word(fields, "active", ("true", "false")) == "true",
        inbound=_word(fields, "dir", ("in", "out")) == "in",
        profiles=_profiles(fields.get("profile", [])),
        protocol=_protocol(fields),
        ports=ports,
        keywords=keywords,
        program=_any(fields, "app"),
        service=_any(fields, "svc"),
        everybody=_everybody([value for name in _REMOTE for value in fields.get(name, [])])
        and not _loopback([value for name in _LOCAL for value in fields.get(name, [])]),
        narrowed=frozenset(name for name, values in fields.items() if _narrows(name, values)),
        uncertain=frozenset(name for name, values in fields.items() if not _understood(name, values)),
        label=fields.get("name", [""])[0],
        unlimited=all(name in _UNLIMITED or _PORTS.fullmatch(name) for name in fields),
    )


def _narrows(name: str, values: list[str]) -> bool:
    return (name in _NARROWING or name.startswith(_NARROWING_FAMILIES)) and all(values)


def _understood(name: str, values: list[str]) -> bool:
    if name in _REMOTE:
        return all(value.lower() in _INTERNET | _FEW or not _WORD.fullmatch(value) for value in values)
    # a sender chooses its own port, and a rule is for the versions of Windows on which it was made
    known = name in _ONCE | _DESCRIBING or name in (*_LOCAL, "profile", "icmp4", "icmp6")
    return (
        known or _narrows(name, values) or _PORTS.fullmatch(name) is not None or name.startswith(("rport", "platform"))
    )


def _word(fields: dict[str, list[str]], name: str, words: Sequence[str]) -> str:
    word = fields.get(name, [""])[0].lower()
    if word not in words:
        raise RuleUnreadable(f"{name} is none of {', '.join(words)}")
    return word


def _any(fields: dict[str, list[str]], name: str) -> str:
    value = fields.get(name, [""])[0]
    return "" if value == "*" else value


def _profiles(values: list[str]) -> frozenset[str]:
    names = frozenset(value.lower() for value in values)
    if not names <= set(PROFILES):
        raise RuleUnreadable("it names a profile that Windows does not have")
    return names or frozenset(PROFILES)


def _protocol(fields: dict[str, list[str]]) -> int:
    value = fields.get("protocol", [str(ANY_PROTOCOL)])[0]
    if not (value.isascii() and value.isdigit() and len(value) <= 3 and int(value) <= ANY_PROTOCOL):
        raise RuleUnreadable("its protocol is no number from 0 to 256")
    return int(value)


def _ports(values: Iterable[str]) -> tuple[tuple[tuple[int, int], ...] | None, frozenset[str]]:
    ranges: list[tuple[int, int]] = []
    words: set[str] = set()
    for value in values:
        if found := _RANGE.fullmatch(value):
            low = int(found[1])
            high = int(found[2] or found[1])
            if not low <= high <= 65535:
                raise RuleUnreadable("its port is no number from 0 to 65535")
            ranges.append((low, high))
        elif _WORD.fullmatch(value):
            words.add(value.lower())
        elif value == "*":
            ranges.extend(EVERY_PORT)
        else:
            raise RuleUnreadable("its port is neither a number nor a word")
    if (not ranges and not words) or (0, 65535) in ranges:
        return None, frozenset()
    return tuple(sorted(ranges)), frozenset(words)


def _everybody(values: list[str]) -> bool:
    """Whether these senders are so many that nobody is kept out; no senders at all are everybody."""
    if not values:
        return True
    counts = {4: 0, 6: 0}
    for value in values:
        if value.lower() in _FEW:
            continue
        if value.lower() in _INTERNET or _WORD.fullmatch(value):
            return True  # a word that is not known here may be anybody; the rule is uncertain then
        low, high = _span(value)
        counts[low.version] += int(high) - int(low) + 1
    return any(counts[version] > _HALF[version] for version in counts)


def _loopback(values: list[str]) -> bool:
    spans = [_span(value) for value in values if not _WORD.fullmatch(value)]
    return len(spans) == len(values) > 0 and all(low.is_loopback and high.is_loopback for low, high in spans)


def _span(value: str) -> tuple[_Address, _Address]:
    """Return the first and the last address of `1.2.3.4`, `1.2.3.0/24`, `1.2.3.0/255.255.255.0`, `1.2.3.4-1.2.3.9`."""
    try:
        first, dash, last = value.partition("-")
        if dash:
            low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            if low.version != high.version or int(low) > int(high):
                raise RuleUnreadable("a range of addresses ends before it begins")
            return low, high
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise RuleUnreadable("a remote or local address of it is none") from None
    return network[0], network[-1]
