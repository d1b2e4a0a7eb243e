"""Words that stand for values in an nft file (nft(8), "DATA TYPES"): ports, addresses, states, and what reads them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

#: words of the language, which cannot be names without quotes (tried with nft 1.0.6, and some of later releases)
KEYWORDS = frozenset(
    """
    accept add ah all and arp auto-merge bridge cgroup chain comment comp constant continue counter cpu create
    ct day dccp define delete describe destroy devgroup device devices dnat drop dst dup dynamic ecn element
    elements esp ether exists expires export exthdr fib flags flow flowtable flush frag fwd gc-interval geneve
    get goto gre gretap handle hbh hook hour ibriport ibrname icmp icmpv6 igmp iif iifgroup iifname iiftype
    import include index inet inner insert interval ip ip6 ipsec jhash jump last limit list log lt map mark
    masquerade meta meter mh missing monitor netdev nftrace not notrack numgen obriport obrname offload oif
    oifgroup oifname oiftype or osf pkttype policy position priority queue quota random redefine redirect reject
    rename replace reset return rt rt0 rt2 rtclassid rule ruleset sctp sdif sdifname secmark set size skgid
    skuid snat socket srh symhash synproxy table tcp th time timeout tproxy type typeof udp udplite undefine
    update vlan vmap vxlan xt
    """.split()  # noqa: SIM905  a list of words is easier to compare
)
_SERVICES = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69, "http": 80,
    "pop3": 110, "sunrpc": 111, "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139, "imap2": 143,
    "snmp": 161, "ldap": 389, "https": 443, "microsoft-ds": 445, "submission": 587, "ipp": 631, "ldaps": 636,
    "imaps": 993, "pop3s": 995, "isakmp": 500, "syslog": 514, "dhcpv6-client": 546, "dhcpv6-server": 547,
    "ipsec-nat-t": 4500, "mdns": 5353,
}  # fmt: skip
_STATES = {"invalid", "established", "related", "new", "untracked"}
_STATUSES = {"expected", "seen-reply", "assured", "confirmed", "snat", "dnat", "dying"}
_PROTOCOLS = {"tcp", "udp", "icmp", "icmpv6", "ipv6-icmp", "esp", "ah", "sctp", "dccp", "udplite", "comp", "igmp",
              "gre", "vrrp", "ospf", "ipencap", "ipv6"}  # fmt: skip
_FLAGS = {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"}
_ICMP = {
    "echo-reply", "destination-unreachable", "source-quench", "redirect", "echo-request", "time-exceeded",
    "parameter-problem", "timestamp-request", "timestamp-reply", "info-request", "info-reply", "address-mask-request",
    "address-mask-reply", "router-advertisement", "router-solicitation",
}  # fmt: skip
_ICMPV6 = {
    "destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem", "echo-request", "echo-reply",
    "mld-listener-query", "mld-listener-report", "mld-listener-done", "mld-listener-reduction", "nd-router-solicit",
    "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert", "nd-redirect", "router-renumbering",
    "ind-neighbor-solicit", "ind-neighbor-advert", "mld2-listener-report",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_.@:*-]{1,15}")
#: a check of one word of a value, returning its JSON or raising ValueError
Reader = Callable[[str], Any]


def among(words: set[str], numbers: int = 0) -> Reader:
    """Return the reader of one of these words, or of a number below `numbers`."""

    def reader(word: str) -> Any:
        if word in words:
            return word
        if numbers and word.isdigit() and int(word) < numbers:
            return int(word)
        raise ValueError(word)

    return reader


def port(word: str) -> Any:
    """Read a port by name or number, or a range of ports."""
    if re.fullmatch(r"\d+-\d+", word):
        first, last = (int(end) for end in word.split("-"))
        if not first < last <= 65535:
            raise ValueError(word)
        return {"range": [first, last]}
    number = _SERVICES[word] if word in _SERVICES else int(word)
    if not 0 <= number <= 65535:
        raise ValueError(word)
    return number


def _address(version: int) -> Reader:
    def reader(word: str) -> Any:
        first, dash, last = word.partition("-")
        if dash:
            ends = [ipaddress.ip_address(first), ipaddress.ip_address(last)]
            if [end.version for end in ends] != [version] * 2 or int(ends[0]) >= int(ends[1]):
                raise ValueError(word)
            return {"range": [first, last]}
        network = ipaddress.ip_network(word, strict=False)
        if network.version != version:
            raise ValueError(word)
        if "/" not in word:
            return word
        return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}

    return reader


def _name(word: str) -> Any:
    if not _NAME.fullmatch(word) or word == "*":
        raise ValueError(word)
    return word


def _index(word: str) -> Any:
    """Read the name of an interface that nft wants to see when it loads the file, at a time when most are not there."""
    if word != "lo":
        raise ValueError(f"{word} may not be there when the file is loaded")
    return word


def number(word: str) -> Any:
    """Read a number, also hexadecimal."""
    return int(word, 0)


def _mac(word: str) -> Any:
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", word):
        raise ValueError(word)
    return word


def _user(word: str) -> Any:
    return int(word) if word.isdigit() else among({"root"})(word)


META: dict[str, Reader] = {
    "iif": _index,
    "iifname": _name,
    "oif": _index,
    "oifname": _name,
    "l4proto": among(_PROTOCOLS, 256),
    "nfproto": among({"ipv4", "ipv6"}),
    "protocol": among({"ip", "ip6", "arp"}),
    "mark": number,
    "pkttype": among({"host", "unicast", "broadcast", "multicast", "other"}),
    "skuid": _user,
}
CT: dict[str, Reader] = {
    "state": among(_STATES),
    "status": among(_STATUSES),
    "direction": among({"original", "reply"}),
    "mark": number,
}
FIELDS: dict[tuple[str, str], Reader] = {
    **{(protocol, field): port for protocol in ("tcp", "udp", "th") for field in ("sport", "dport")},
    ("tcp", "flags"): among(_FLAGS),
    ("ip", "saddr"): _address(4),
    ("ip", "daddr"): _address(4),
    ("ip", "protocol"): among(_PROTOCOLS, 256),
    ("ip6", "saddr"): _address(6),
    ("ip6", "daddr"): _address(6),
    ("ip6", "nexthdr"): among(_PROTOCOLS, 256),
    ("icmp", "type"): among(_ICMP, 256),
    ("icmpv6", "type"): among(_ICMPV6, 256),
    ("ether", "saddr"): _mac,
}
#: the types of sets, by the names that nft gives them
TYPES: Mapping[str, Reader] = {
    "ipv4_addr": _address(4),
    "ipv6_addr": _address(6),
    "inet_service": port,
    "inet_proto": among(_PROTOCOLS, 256),
    "ifname": _name,
    "mark": number,
    "ether_addr": _mac,
    "ct_state": among(_STATES),
    "uid": _user,
}


def word(token: str, reader: Reader) -> Any:
    """Read one token; a name that is a word of the language needs quotes, and nothing else may have any."""
    if reader in (_name, _index):
        if token in KEYWORDS:
            raise ValueError(token)
        return reader(token.strip('"'))
    return reader(token)
