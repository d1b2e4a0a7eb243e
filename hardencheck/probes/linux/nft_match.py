"""The match expressions of nft's JSON (libnftables-json(5)) as conditions on an abstract packet.

What cannot be decided from outside the host, and what this module does not know, becomes a doubt: never a "no".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from hardencheck.probes.linux import packets
from hardencheck.probes.linux.packets import EITHER, NO, YES, Condition, Network

#: Elements by set or map name; None: the listing leaves the elements out.
Sets = Mapping[str, list[Any] | None]

#: larger sets of concatenated keys are not searched through
MAX_TUPLES = 2000

_FLAG_BITS = ("fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr")
_FOREIGN = {
    "icmp",
    "icmpv6",
    "igmp",
    "esp",
    "ah",
    "comp",
    "udplite",
    "dccp",
    "sctp",
    "gre",
    "vxlan",
    "geneve",
    "gretap",
}
#: set by the sender, or true at some time: nothing that keeps an outsider away
_SENDERS = {"length", "time", "hour", "day", "random", "priority", "iifgroup", "iifkind", "cpu", "nftrace"}
_MIRRORED = {"<": ">=", ">": "<=", "<=": ">", ">=": "<"}


class Undecided(Exception):
    """An expression that this module cannot decide."""


def condition(match: Mapping[str, Any], sets: Sets) -> Condition:
    """Return the condition of one `match` statement: operator, left and right side."""
    op, left, right = match.get("op", "=="), match.get("left"), match.get("right")
    try:
        return _compare(op, left, right, sets)
    except (Undecided, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return packets.doubt(say({"match": match}))


def equals(left: Any, right: Any, sets: Sets) -> Condition:
    """Return the condition that the key of a verdict map has this value."""
    return condition({"op": "==", "left": left, "right": bare(right)}, sets)


def otherwise(left: Any, rights: list[Any], sets: Sets) -> Condition:
    """Return the condition that the key of a verdict map has none of these values (the map's `*` entry)."""
    return packets.all_of([_dependency(left), *(packets.negate(equals(left, right, sets)) for right in rights)])


def elements(data: Any, sets: Sets) -> list[Any] | None:
    """Return the elements of a set: anonymous, or named with `@`; None when they are not listed."""
    if isinstance(data, str) and data.startswith("@"):
        return sets.get(data[1:])
    if isinstance(data, dict) and "set" in data:
        inner = data["set"]
        return list(inner) if isinstance(inner, list) else [inner]
    return [data]


def bare(value: Any) -> Any:
    """Return an element without its timeout and comment."""
    return value["elem"]["val"] if isinstance(value, dict) and "elem" in value else value


def say(expression: Any) -> str:
    """Return an expression in words close to nft's own."""
    if isinstance(expression, list):
        return ", ".join(say(item) for item in expression[:4]) + (", ..." if len(expression) > 4 else "")
    if not isinstance(expression, dict) or len(expression) != 1:
        return str(expression)
    kind, body = next(iter(expression.items()))
    if kind == "match":
        op = "" if body.get("op") in ("==", "in") else f"{body.get('op')} "
        return f"{say(body.get('left'))} {op}{say(body.get('right'))}"
    if kind == "set":
        return "{ " + say(body) + " }" if isinstance(body, list) else "set"
    if kind in ("payload", "meta", "ct") and isinstance(body, dict):
        words = [body.get(key) for key in ("protocol", "dir", "field", "key")]
        return " ".join(str(word) for word in ([] if kind == "payload" else [kind]) + words if word is not None)
    if kind == "prefix":
        return f"{body['addr']}/{body['len']}"
    if kind in ("range", "concat", "&", "|"):
        return {"range": "-", "concat": " . ", "&": " & ", "|": "|"}[kind].join(say(item) for item in body)
    if kind in ("jump", "goto"):
        return f"{kind} {body['target']}"
    if kind == "xt" and isinstance(body, dict):
        return f"xt {body.get('type')} {body.get('name')}"
    return str(kind)


def _compare(op: str, left: Any, right: Any, sets: Sets) -> Condition:
    if op in ("!=", "!"):
        if isinstance(right, list) and len(right) > 1 and {"new", "syn"} & set(right):
            raise Undecided  # a bit mask compared as a whole
        same = _compare("in" if op == "!" or isinstance(right, list) else "==", left, right, sets)
        return packets.all_of([_dependency(left), packets.negate(same)])
    kind, body = next(iter(left.items()))
    if op in _MIRRORED and (kind != "payload" or body.get("field") != "dport"):
        right = None  # an order of numbers: only the sender's own choices can be answered below
    if kind == "concat":
        return _tuples(body, right, sets)
    if kind == "&":
        return _masked(op, body, right)
    if kind == "payload":
        return _payload(op, body, right, sets)
    values = elements(right, sets)
    if kind == "meta":
        return _meta(body["key"], values)
    if kind == "ct":
        return packets.once_tracked(_ct(op, body, right, sets))
    if kind == "fib":
        return _fib(body, values)
    if kind in ("exthdr", "tcp option", "ip option", "osf", "numgen", "jhash", "symhash"):
        return packets.constant(EITHER)
    if kind == "ipsec":
        return packets.origin("over IPsec")
    raise Undecided


def _dependency(left: Mapping[str, Any]) -> Condition:
    """Return what nft puts before a field of a header: that the packet has such a header, also for `!=`."""
    kind, body = next(iter(left.items()))
    if kind == "concat":
        return packets.all_of([_dependency(part) for part in body])
    if kind == "&":
        return _dependency(body[0])
    protocol = body.get("protocol") if kind == "payload" else None
    if protocol in _FOREIGN:
        return packets.constant(NO)
    if protocol in ("tcp", "udp"):
        return packets.protocols([protocol])
    if protocol in ("ip", "ip6"):
        return packets.when(lambda packet: packet.family == {"ip": 4, "ip6": 6}[protocol])
    return packets.constant(YES)


def _tuples(parts: list[Any], right: Any, sets: Sets) -> Condition:
    rows = elements(right, sets)
    if rows is None and any(part.get("payload", {}).get("field") == "saddr" for part in parts):
        return packets.all_of([*map(_dependency, parts), packets.unlisted(say(right))])
    if rows is None or len(rows) > MAX_TUPLES:
        raise Undecided
    options = []
    for row in rows:
        values = bare(row)["concat"]
        options.append(packets.all_of([equals(part, value, sets) for part, value in zip(parts, values, strict=True)]))
    return packets.any_of(options)


def _masked(op: str, parts: list[Any], right: Any) -> Condition:
    left, mask = parts
    kind, body = next(iter(left.items()))
    if op == "==" and kind == "payload" and (body["protocol"], body["field"]) == ("tcp", "flags"):
        return packets.tcp_flags(_flags(mask), _flags(right))
    if op == "==" and kind in ("meta", "ct") and body["key"] == "mark" and isinstance(right, int):
        found = _mark(right, int(mask), kind)
        return packets.once_tracked(found) if kind == "ct" else found
    raise Undecided


def _mark(value: int, mask: int, kind: str) -> Condition:
    return packets.mark(value, mask, "connection" if kind == "ct" else "packet")


def _payload(op: str, body: Mapping[str, Any], right: Any, sets: Sets) -> Condition:
    protocol, field = body["protocol"], body["field"]  # a raw payload has neither: a doubt
    if protocol in _FOREIGN:
        return packets.constant(NO)
    if protocol in ("tcp", "udp", "th"):
        mine = ("tcp", "udp") if protocol == "th" else (protocol,)
        if field == "dport":
            return packets.to_ports(_ports(op, right, sets), mine)
        if field == "flags":
            return _tcp_flags(op, right, sets)
        return packets.protocols_or(mine, EITHER)
    if protocol == "ether":
        return packets.origin(f"from {say(right)}") if field == "saddr" else packets.constant(EITHER)
    family = {"ip": 4, "ip6": 6}[protocol]
    same_family = packets.when(lambda packet: packet.family == family)
    if field in ("saddr", "daddr"):
        values = elements(right, sets)
        if values is None or op != "==":
            return packets.all_of(
                [same_family, packets.unlisted(say(right)) if field == "saddr" else packets.doubt(say(right))]
            )
        networks = [net for value in values for net in _networks(bare(value))]
        named = right if isinstance(right, str) and right.startswith("@") else ""
        return packets.sources(networks, named) if field == "saddr" else packets.destinations(networks)
    if field in ("protocol", "nexthdr"):
        return packets.all_of([same_family, packets.protocols(_words(elements(right, sets)))])
    return packets.all_of([same_family, packets.constant(EITHER)])


def _tcp_flags(op: str, right: Any, sets: Sets) -> Condition:
    if op == "in":
        wanted = _flags(right)
        return packets.when(lambda packet: packet.protocol == "tcp" and "syn" in wanted)
    values = elements(right, sets)
    if op != "==" or values is None:
        raise Undecided
    return packets.any_of([packets.tcp_flags(_FLAG_BITS, _flags(bare(value))) for value in values])


def _meta(key: str, values: list[Any] | None) -> Condition:
    if key in _SENDERS:
        return packets.constant(EITHER)
    if key in ("secpath", "ipsec"):
        return packets.origin("over IPsec")
    words = _words(values)
    simple: dict[str, Callable[[list[str]], Condition]] = {
        "l4proto": packets.protocols,
        "pkttype": packets.casts,
        "nfproto": _family({"ipv4": 4, "2": 4, "ipv6": 6, "10": 6}),
        "protocol": _family({"ip": 4, "ip6": 6}),
    }
    if key in simple:
        return simple[key](words)
    if key in ("iif", "iifname") and not any(word.isdigit() for word in words):
        return packets.came_in_by(words)
    if key in ("oif", "oifname") and not any(word.isdigit() for word in words):
        return packets.goes_out_by(words)
    if key == "skuid":
        return packets.by_user(words)
    if key == "iiftype":
        return packets.constant(NO if words == ["loopback"] else EITHER)
    if key == "mark" and len(words) == 1:
        return _mark(int(words[0]), 0xFFFFFFFF, "meta")
    raise Undecided


def _family(names: Mapping[str, int]) -> Callable[[list[str]], Condition]:
    def build(words: list[str]) -> Condition:
        families = {names.get(word) for word in words}
        return packets.when(lambda packet: packet.family in families)

    return build


def _ct(op: str, body: Mapping[str, Any], right: Any, sets: Sets) -> Condition:
    key = body["key"]
    if op == "==" and isinstance(right, list) and len(right) > 1:
        raise Undecided  # a bit mask compared as a whole
    words = _words(right if isinstance(right, list) else elements(right, sets))
    if key == "state":
        return packets.states(words)
    if key == "status" and words == ["dnat"]:
        return packets.translated()
    if key == "direction":
        return packets.constant(YES if "original" in words else NO)
    if key == "mark" and len(words) == 1 and op == "==":
        return _mark(int(words[0]), 0xFFFFFFFF, "ct")
    raise Undecided


def _fib(body: Mapping[str, Any], values: list[Any] | None) -> Condition:
    flags = body.get("flags", [])
    flags = [flags] if isinstance(flags, str) else flags
    if "saddr" in flags or body.get("result") != "type":
        return packets.constant(EITHER)  # a sender chooses an address that the routes like
    found = packets.casts(_words(values))
    return found if list(flags) == ["daddr"] else packets.all_of([found, packets.constant(EITHER)])


def _words(values: list[Any] | None) -> list[str]:
    if values is None:
        raise Undecided
    words = [bare(value) for value in values]
    if not all(isinstance(word, str | int) and not isinstance(word, bool) for word in words):
        raise Undecided
    return [str(word) for word in words]


def _flags(value: Any) -> set[str]:
    if isinstance(value, int):
        return {name for bit, name in enumerate(_FLAG_BITS) if value >> bit & 1}
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        value = value["|"]
    return {flag for item in value for flag in _flags(item)}


def _ports(op: str, right: Any, sets: Sets) -> int:
    values = elements(right, sets)
    if values is None:
        raise Undecided
    found = 0
    for value in map(bare, values):
        first, last = value["range"] if isinstance(value, dict) else (value, value)
        found |= packets.span(int(first), int(last))
    if op in _MIRRORED:
        limit = int(right)
        low, high = packets.span(0, limit) & ~packets.span(limit, limit), packets.span(limit, limit)
        found = {"<": low, "<=": low | high, ">=": packets.ALL_PORTS & ~low, ">": packets.ALL_PORTS & ~low & ~high}[op]
    elif op not in ("==", "in"):
        raise Undecided
    return found


def _networks(value: Any) -> list[Network]:
    if isinstance(value, dict) and "prefix" in value:
        return [ipaddress.ip_network((value["prefix"]["addr"], value["prefix"]["len"]), strict=False)]
    if isinstance(value, dict) and "range" in value:
        first, last = (ipaddress.ip_address(end) for end in value["range"])
        return list(ipaddress.summarize_address_range(first, last))
    return [ipaddress.ip_network(value)]
