"""When the Match blocks of sshd_config(5) hold: always, never, together, or not in the same connection.

What depends on the connection may hold. Every answer errs to that side, so that no context of sshd is overlooked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from itertools import combinations

#: Pairs of name (lower case) and value; all of them must hold. `all` and `invalid-user` have an empty value.
Criteria = tuple[tuple[str, str], ...]

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: What a connection has exactly one of, as text that patterns are compared with.
_SINGLE = ("user", "localport", "rdomain")
_ADDRESSES = ("address", "localaddress")


def never(criteria: Criteria, user: str = "") -> bool:
    """Whether a block holds for no login (of this user): it is for unknown users, or its patterns only rule out."""
    for name, value in criteria:
        if name == "invalid-user":
            return True
        if name != "all" and not any(not word.startswith("!") for word in value.split(",")):
            return True
        if user and name == "user" and not matches(value, user):
            return True
    return not together([criteria])


def always(criteria: Criteria, user: str = "") -> bool:
    """Whether a block holds for every connection (of this user); root is in the group root."""
    return all(
        name == "all"
        or (name in ("user", *_ADDRESSES) and value == "*")
        or (name == "user" and bool(user))
        or (name == "group" and user == "root" and "!" not in value and matches(value, "root"))
        for name, value in criteria
    ) and not never(criteria, user)


def together(blocks: Iterable[Criteria]) -> bool:
    """Whether these blocks may hold for one connection; False only where two of their criteria exclude each other."""
    every = [pair for criteria in blocks for pair in criteria]
    return not any(_disjoint(one, other) for one, other in combinations(every, 2))


def matches(patterns: str, text: str) -> bool:
    """Whether a list of patterns with `*` and `?` names this: one that matches after `!` rules it out, anywhere."""
    listed = patterns.split(",")
    if any(_pattern(word[1:], text) for word in listed if word.startswith("!")):
        return False
    return any(_pattern(word, text) for word in listed if not word.startswith("!"))


def _pattern(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in re.sub(r"\*+", "*", pattern))
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _disjoint(one: tuple[str, str], other: tuple[str, str]) -> bool:
    if one[0] != other[0]:
        return False
    if one[0] in _SINGLE:
        return _excludes(one[1], other[1]) or _excludes(other[1], one[1])
    if one[0] in _ADDRESSES:
        return _apart(one[1], other[1]) or _apart(other[1], one[1])
    return False


def _excludes(listed: str, other: str) -> bool:
    """Whether none of the names that a list without wildcards allows is allowed by the other."""
    names = [word for word in listed.split(",") if not word.startswith("!")]
    if any(set(name) & set("*?") for name in names):
        return False
    return not any(matches(listed, name) and matches(other, name) for name in names)


def _apart(listed: str, other: str) -> bool:
    """Whether none of the networks that a list allows meets one that the other allows."""
    networks = [_network(word) for word in listed.split(",") if not word.startswith("!")]
    allowed = [_network(word) for word in other.split(",") if not word.startswith("!")]
    refused = [_network(word[1:]) for word in other.split(",") if word.startswith("!")]
    if None in networks:
        return False
    return all(
        any(_within(network, each) for each in refused)
        or (None not in allowed and not any(_overlap(network, each) for each in allowed))
        for network in networks
    )


def _network(word: str) -> _Network | None:
    """Return the network of an address or CIDR block, None for a pattern or a name."""
    try:
        return ipaddress.ip_network(word, strict=False)
    except ValueError:
        return None


def _within(inner: _Network | None, outer: _Network | None) -> bool:
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def _overlap(one: _Network | None, other: _Network | None) -> bool:
    return one is not None and other is not None and one.version == other.version and one.overlaps(other)
