"""One rule of an nft file (nft(8)) as the expressions of nft's JSON, for the part of the language that is in daily use.

Whatever is not known here raises `NotUnderstood`, also a value that nft might refuse: one wrong word in a file and nft
loads nothing of it, so that no part of such a file may be believed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hardencheck.probes.linux.nft_values import CT, FIELDS, KEYWORDS, META, Reader, among, number, port, word

Json = dict[str, Any]

_VERDICTS = ("accept", "drop", "continue", "return")
#: nothing but a comment may follow these
_LAST = {*_VERDICTS, "reject", "jump", "goto", "vmap", "dnat", "snat", "redirect", "masquerade"}
_REJECTS = re.compile(r"(?:net|host|prot|port|admin|no)-(?:unreachable|prohibited|route)|addr-unreachable")
_LEVELS = {"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"}
_UNITS = {"second", "minute", "hour", "day", "week"}


class NotUnderstood(Exception):
    """Something that this module does not know, or that nft itself would refuse."""


_BITS = {"state", "status", "flags"}


class Words:
    """The tokens of one statement, taken from the front."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    @property
    def next(self) -> str:
        """The next token, or "" at the end."""
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        """Take the next token, which is one of these where any are given."""
        word = self.next
        if not word or (expected and word not in expected):
            raise NotUnderstood(f"{word or 'the end'} in `{' '.join(self.tokens)}`")
        self.position += 1
        return word

    def skip(self, *words: str) -> bool:
        """Take these tokens if they are next."""
        if tuple(self.tokens[self.position : self.position + len(words)]) != words:
            return False
        self.position += len(words)
        return True

    def block(self) -> list[list[str]]:
        """Take `{ a, b c, ... }` and return its items."""
        self.take("{")
        items: list[list[str]] = [[]]
        while not self.skip("}"):
            word = self.take()
            if word == "{":
                raise NotUnderstood("nested braces")
            if word == ",":
                items.append([])
            else:
                items[-1].append(word)
        if not all(items[:-1]):
            raise NotUnderstood("a comma without an element before it")
        return [item for item in items if item]


def name(token: str) -> str:
    """Return the name of a table, chain or set; raises NotUnderstood for what nft does not take for one."""
    if token in KEYWORDS or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\\/-]*", token):
        raise NotUnderstood(f"{token!r} is not a name")
    return token


def rule(tokens: list[str], family: str) -> list[Json]:
    """Return the expressions of one rule in a table of this family; raises NotUnderstood."""
    words = Words(tokens)
    parts: list[Json] = []
    ended = False
    while words.next:
        try:
            found = _statement(words)
        except (ValueError, KeyError) as error:
            raise NotUnderstood(f"{error} in `{' '.join(tokens)}`") from None
        if ended and "comment" not in found[0]:
            raise NotUnderstood(f"a statement after the verdict in `{' '.join(tokens)}`")
        ended = ended or bool(_LAST.intersection(found[-1]))
        parts += found
    if not parts or _conflict(parts, family):
        raise NotUnderstood(f"no rule: `{' '.join(tokens)}`")
    return parts


def _conflict(parts: list[Json], family: str) -> bool:
    """Return whether one packet would have to be of two protocols, which nft refuses to load."""
    lefts = [part["match"]["left"] for part in parts if "match" in part]
    named = {left["payload"]["protocol"] for left in lefts if "payload" in left} - {"th", "ether"}
    named |= {
        {"ipv6-icmp": "icmpv6"}.get(part["match"]["right"], part["match"]["right"])
        for part in parts
        if part.get("match", {}).get("left") == {"meta": {"key": "l4proto"}} and isinstance(part["match"]["right"], str)
    }
    named |= {family} & {"ip", "ip6"}
    if family in ("ip", "ip6") and any(left == {"meta": {"key": "nfproto"}} for left in lefts):
        return True
    upper = named - {"ip", "ip6"}
    return len(upper) > 1 or {"ip", "ip6"} <= named or {"ip", "icmpv6"} <= named or {"ip6", "icmp"} <= named


def verdict(tokens: list[str]) -> Json:
    """Return the verdict of an element of a map."""
    words = Words(tokens)
    found = _verdict(words)
    if found is None or words.next:
        raise NotUnderstood(f"not a verdict: {' '.join(tokens)}")
    return found


def value(types: list[Reader], tokens: list[str]) -> Any:
    """Return one element of a set with keys of these types, without what follows it (timeout, comment, counter)."""
    parts: list[list[str]] = [[]]
    words = Words(tokens)
    while words.next and words.next not in ("timeout", "expires", "comment", "counter"):
        if words.skip("."):
            parts.append([])
        else:
            parts[-1].append(words.take())
    if len(parts) != len(types) or any(len(part) != 1 for part in parts):
        raise NotUnderstood(f"not an element of this set: {' '.join(tokens)}")
    try:
        found = [word(part[0], reader) for reader, part in zip(types, parts, strict=True)]
    except ValueError as error:
        raise NotUnderstood(f"not an element of this set: {error}") from None
    return found[0] if len(found) == 1 else {"concat": found}


def _statement(words: Words) -> list[Json]:
    word = words.next
    if (found := _verdict(words)) is not None:
        return [found]
    if word in _QUIET:
        words.take()
        return _QUIET[word](words)
    if word in ("meta", "ct") and words.tokens[words.position + 2 : words.position + 3] == ["set"]:
        return _mangle(words)
    return _match(words)


def apart(elements: list[Any]) -> bool:
    """Return whether no two elements of a set overlap: nft refuses a set in which they do."""
    spans = sorted(span for span in map(_span, elements) if span)
    return all(first[:1] != second[:1] or first[2] < second[1] for first, second in pairwise(spans))


def ranged(elements: list[Any]) -> bool:
    """Return whether any element stands for more than one value, which a set must be made for."""
    return any(isinstance(one, dict) and ("range" in one or "prefix" in one) for one in elements)


def _span(element: Any) -> tuple[int, int, int] | None:
    """Return kind, first and last value of an element that is a port, an address, or a range of such."""
    if isinstance(element, int):
        return 0, element, element
    if isinstance(element, dict) and "prefix" in element:
        network = ipaddress.ip_network((element["prefix"]["addr"], element["prefix"]["len"]))
        return network.version, int(network[0]), int(network[-1])
    ends = element["range"] if isinstance(element, dict) and "range" in element else [element, element]
    if all(isinstance(end, int) for end in ends):
        return 0, ends[0], ends[1]
    try:
        first, last = (ipaddress.ip_address(end) for end in ends)
    except ValueError:
        return None
    return first.version, int(first), int(last)


def _verdict(words: Words) -> Json | None:
    word = words.next
    if word in _VERDICTS:
        return {words.take(): None}
    if word in ("jump", "goto"):
        return {words.take(): {"target": name(words.take())}}
    return {"reject": _reject(words)} if words.skip("reject") else None


def _reject(words: Words) -> Json | None:
    if not words.skip("with"):
        return None
    kind = words.take("tcp", "icmp", "icmpv6", "icmpx")
    if kind == "tcp":
        words.take("reset")
        return {"type": "tcp reset"}
    words.skip("type")
    if not _REJECTS.fullmatch(code := words.take()):
        raise ValueError(code)
    return {"type": kind, "expr": code}


def _match(words: Words) -> list[Json]:
    lefts, readers, implied = [], [], []
    while True:
        left, reader, before = _left(words)
        lefts.append(left)
        readers.append(reader)
        implied += before
        if not words.skip("."):
            break
    left = lefts[0] if len(lefts) == 1 else {"concat": lefts}
    if words.skip("vmap"):
        return [*implied, {"vmap": {"key": left, "data": _data(words, readers, verdicts=True)}}]
    field = next(iter(left.values()))
    name = str(field.get("field") or field.get("key") or "") if isinstance(field, dict) else ""
    if words.next in ("&", "and"):
        return [*implied, _masked(words, left, readers[0], name)]
    op = words.take() if words.next in ("==", "!=", "<", ">", "<=", ">=", "!") else ""
    if op in ("<", ">", "<=", ">=") and readers != [port]:
        raise NotUnderstood(f"{op} on {name}")
    right = _data(words, readers)
    if name in _BITS and not op:
        op = "==" if isinstance(right, dict) or str(right).startswith("@") else "in"
    if op == "!" and name != "flags":
        raise NotUnderstood("! on something else than flags")
    return [*implied, {"match": {"op": op or "==", "left": left, "right": right}}]


def _left(words: Words) -> tuple[Json, Reader, list[Json]]:
    word = words.take()
    if word in ("iif", "iifname", "oif", "oifname", "pkttype", "mark", "skuid"):
        return {"meta": {"key": word}}, META[word], []
    if word == "meta":
        key = words.take()
        return {"meta": {"key": key}}, META[key], []
    if word == "ct":
        key = words.take()
        return {"ct": {"key": key}}, CT[key], []
    if word == "fib":
        words.take("daddr")
        words.take("type")
        kinds = among({"local", "unicast", "broadcast", "multicast", "anycast"})
        return {"fib": {"result": "type", "flags": ["daddr"]}}, kinds, []
    field = words.take()
    return {"payload": {"protocol": word, "field": field}}, FIELDS[word, field], []


def _data(words: Words, readers: list[Reader], *, verdicts: bool = False) -> Any:
    """Return the right side: one value, several with commas, a set in braces, or a named one."""
    if words.next.startswith("@"):
        return words.take()
    if words.next == "{":
        items = []
        for item in words.block():
            if verdicts:
                at = item.index(":")
                key = "*" if item[:at] == ["*"] else value(readers, item[:at])
                items.append([key, verdict(item[at + 1 :])])
            else:
                items.append(value(readers, item))
        if not items or not apart([item[0] if verdicts else item for item in items]):
            raise NotUnderstood("an empty set, or one with elements that overlap")
        return {"set": items}
    if verdicts or len(readers) > 1:
        raise NotUnderstood("a map or tuple that is no set")
    found = [word(words.take(), readers[0])]
    while words.skip(","):
        found.append(word(words.take(), readers[0]))
    if len(found) > 1 and readers[0] not in (CT["state"], CT["status"], FIELDS["tcp", "flags"]):
        raise NotUnderstood("several values without braces")
    return found if len(found) > 1 else found[0]


def _masked(words: Words, left: Json, reader: Reader, name: str) -> Json:
    words.take("&", "and")
    if name not in ("flags", "mark"):
        raise NotUnderstood(f"a mask on {name}")
    mask, op = _bits(words, reader), words.take("==", "!=")
    return {"match": {"op": op, "left": {"&": [left, mask]}, "right": _bits(words, reader)}}


def _bits(words: Words, reader: Reader) -> Any:
    closing = words.skip("(")
    found = [reader(words.take())]
    while words.skip("|") or words.skip(","):
        found.append(reader(words.take()))
    if closing:
        words.take(")")
    return found if len(found) > 1 else found[0]


def _mangle(words: Words) -> list[Json]:
    kind, key = words.take(), words.take("mark")
    words.take("set")
    return [{"mangle": {"key": {kind: {"key": key}}, "value": number(words.take())}}]


def _counter(words: Words) -> list[Json]:
    if words.skip("name"):
        words.take()
    elif words.skip("packets"):
        int(words.take())
        words.take("bytes")
        int(words.take())
    return [{"counter": None}]


def _log(words: Words) -> list[Json]:
    while words.next in ("prefix", "level", "group", "snaplen", "flags"):
        option = words.take()
        if option == "prefix":
            if not words.next.startswith('"'):
                raise ValueError(words.next)
            words.take()
        elif option == "level":
            words.take(*_LEVELS)
        elif option == "flags":
            words.take("all")
        else:
            int(words.take())
    return [{"log": None}]


def _limit(words: Words) -> list[Json]:
    words.take("rate")
    words.skip("over")
    number, _, unit = words.take().partition("/")
    int(number)
    if unit not in _UNITS:
        raise ValueError(unit)
    if words.skip("burst"):
        int(words.take())
        words.take("packets")
    return [{"limit": {}}]


def _comment(words: Words) -> list[Json]:
    words.take()
    return [{"comment": None}]


def _fill(words: Words) -> list[Json]:
    name = words.take()
    words.block()
    if not name.startswith("@"):
        raise ValueError(name)
    return [{"set": {"set": name}}]


def _translation(kind: str) -> Callable[[Words], list[Json]]:
    def read(words: Words) -> list[Json]:
        body: Json = {}
        if words.next in ("ip", "ip6"):
            body["family"] = words.take()
        if kind == "redirect" and words.next != "to":
            return [{kind: body}]
        words.take("to")
        if words.next != ":" and kind != "redirect":
            body["addr"] = words.take()
            ipaddress.ip_address(body["addr"])
        if kind == "redirect" or words.next == ":":
            words.take(":")
            body["port"] = port(words.take())
        return [{kind: body}]

    return read


def _nothing(kind: str) -> Callable[[Words], list[Json]]:
    return lambda _: [{kind: None}]


#: statements after which the packet goes on
_QUIET: dict[str, Callable[[Words], list[Json]]] = {
    "counter": _counter,
    "log": _log,
    "limit": _limit,
    "comment": _comment,
    "add": _fill,
    "update": _fill,
    "notrack": _nothing("notrack"),
    "masquerade": _nothing("masquerade"),
    "snat": _translation("snat"),
    "dnat": _translation("dnat"),
    "redirect": _translation("redirect"),
}
