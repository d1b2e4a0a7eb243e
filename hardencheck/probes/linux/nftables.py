"""nf_tables' ruleset, as `nft -j list ruleset` prints it (libnftables-json(5)), as chains of the packet filter.

Traps: a dormant table, which filters nothing, is listed with its chains, and nft 1.0.6 writes the table's name where
its JSON should say "dormant", so flags are read from the plain listing. What iptables-nft loaded appears as `xt` with a
name and nothing else, so those chains are read from iptables-save. What has no JSON, such as `jump` to a chain
without a name, is text in its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux import packets
from hardencheck.probes.linux.nft_match import bare, condition, elements, equals, otherwise, say
from hardencheck.probes.linux.packet_filter import TRACKING, Base, Do, FilterRule, Ruleset

_FAMILIES = {"ip": frozenset({4}), "ip6": frozenset({6}), "inet": frozenset({4, 6})}
_ENDS = {"accept": Do.ACCEPT, "drop": Do.DROP, "reject": Do.DROP, "return": Do.RETURN, "continue": Do.PASS_ON}
#: true for some packets of every sender, at some time
_RATES = {"limit", "ct count", "quota", "meter", "set", "connlimit"}
_SILENT = {
    "counter", "log", "comment", "last", "dup", "flow", "secmark", "ct helper", "ct timeout", "ct expectation",
    "masquerade", "snat",
}  # fmt: skip
_HARMLESS_FIELDS = {"dscp", "ecn", "ttl", "hoplimit", "flowlabel"}
_XT_SILENT = {"LOG", "NFLOG", "TRACE", "AUDIT", "TCPMSS", "CHECKSUM"}


def load(text: str, ruleset: Ruleset, flags: list[str], *, terse: bool = False) -> set[tuple[str, str]]:
    """Add what nft listed to a ruleset and return the chains that hold `xt` expressions, which only iptables can show.

    `flags` are the lines of the plain listing that name tables and their flags; without them a table with flags is
    left out, and what it may close is unseen. `terse` says that the elements of sets were left out. Raises
    CaptureUnreadable when this is not nft's JSON.
    """
    try:
        items = json.loads(text)["nftables"]
        if not any("metainfo" in item for item in items):
            raise CaptureUnreadable("nft's listing has no metainfo: it is not whole")
        return _Loader(items, ruleset, terse).load(_asleep(items, flags, ruleset))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CaptureUnreadable(f"nft's listing is not what libnftables-json(5) describes: {error!r}") from None


def _asleep(items: list[dict[str, Any]], flags: list[str], ruleset: Ruleset) -> set[str]:
    """Return the tables that are dormant, or may be."""
    asleep, listed, table = set(), set(), ""
    for line in flags:
        if line.startswith("table "):
            table = line.removeprefix("table ").partition(" {")[0]
            listed.add(table)
        elif "dormant" in line:
            asleep.add(table)
    for item in items:
        if "flags" in item.get("table", {}) and _table(item["table"], "name") not in listed:
            asleep.add(_table(item["table"], "name"))
            ruleset.unseen.append(f"whether table {_table(item['table'], 'name')} is dormant")
    return asleep


class _Loader:
    def __init__(self, items: list[dict[str, Any]], ruleset: Ruleset, terse: bool) -> None:
        self.items = items
        self.ruleset = ruleset
        self.terse = terse
        self.foreign: set[tuple[str, str]] = set()
        self.sets: dict[str, dict[str, list[Any] | None]] = {}

    def load(self, asleep: set[str]) -> set[tuple[str, str]]:
        filled = self._filled()
        for kind in ("set", "map"):
            for one in self._all(kind):
                listed = None if self.terse or (_table(one), one["name"]) in filled else one.get("elem", [])
                self.sets.setdefault(_table(one), {})[one["name"]] = listed
        early: dict[tuple[str, str], list[str]] = {}
        for one in self._all("chain"):
            if _table(one) in asleep:
                continue
            chain = self.ruleset.chain(_table(one), one["name"])
            if "hook" not in one:
                continue
            accepts = one.get("policy", "accept") == "accept"
            if one["family"] in _FAMILIES and one["hook"] != "ingress":
                kind, early_hook = one.get("type", "filter"), one["hook"] in ("prerouting", "output")
                tracked = not (early_hook and one.get("prio", 0) <= TRACKING)
                chain.base = Base(one["hook"], kind, accepts, _FAMILIES[one["family"]], tracked)
            elif one["hook"] in ("ingress", "egress", "prerouting", "input", "output") and one["family"] != "arp":
                place = self.ruleset.late if one["hook"] in ("egress", "output") else self.ruleset.early
                early[_table(one), one["name"]] = place
                place += [] if accepts else [f"{_table(one)} {one['name']}"]
        for one in self._all("rule"):
            if _table(one) in asleep:
                continue
            rules = self._rules(one)
            self.ruleset.chain(_table(one), one["chain"]).rules += rules
            if any(rule.do is Do.DROP for rule in rules):
                for (table, name), place in early.items():
                    if table == _table(one):
                        place.append(f"{table} {name}")
        return self.foreign

    def _all(self, kind: str) -> list[dict[str, Any]]:
        return [item[kind] for item in self.items if kind in item]

    def _filled(self) -> set[tuple[str, str]]:
        """Return the sets that rules fill: whoever sends packets decides what will be in them."""
        return {
            (_table(rule), str(part["set"]["set"]).removeprefix("@"))
            for rule in self._all("rule")
            for part in rule["expr"]
            if "set" in part and isinstance(part, dict)
        }

    def _rules(self, rule: Mapping[str, Any]) -> list[FilterRule]:
        """Return one rule; a verdict map becomes one rule per entry, which exclude each other."""
        sets = self.sets.get(_table(rule), {})
        text = " ".join(" ".join(say(part) for part in rule["expr"] if "counter" not in part).split())[:160]
        conditions: list[packets.Condition] = []
        body: Any
        for part in rule["expr"]:
            kind, body = ("text", None) if isinstance(part, str) else next(iter(part.items()))
            if kind == "match":
                conditions.append(condition(body, sets))
            elif kind in _RATES:
                conditions.append(packets.constant(packets.EITHER))
            elif kind == "vmap":
                return self._map(body, conditions, text, sets)
            elif (ended := _end(kind, body)) is not None:
                return [FilterRule((*conditions, *_implied(kind, body, rule["family"])), *ended, text)]
            elif kind == "xt" and body and body.get("type") == "match":
                self.foreign.add((_table(rule), rule["chain"]))
                conditions.append(packets.doubt(text))
            elif kind == "xt" and body and body.get("name") in _XT_SILENT:
                self.foreign.add((_table(rule), rule["chain"]))
            elif not self._harmless(kind, body, (_table(rule), rule["chain"])):
                # it may be the end of the way, as `queue` is: both stay possible
                return [FilterRule((*conditions, packets.doubt(text)), Do.ACCEPT, "", text)]
        return [FilterRule(tuple(conditions), Do.PASS_ON, "", text)]

    def _map(
        self, body: Mapping[str, Any], conditions: list[packets.Condition], text: str, sets: Mapping[str, Any]
    ) -> list[FilterRule]:
        entries = elements(body["data"], sets)
        if entries is None:
            return [FilterRule((*conditions, packets.doubt(text)), Do.ACCEPT, "", text)]
        rules = []
        keys = [key for key, _ in entries if bare(key) != "*"]
        for key, value in entries:
            kind, argument = next(iter(value.items()))
            ended = _end(kind, argument)
            met = otherwise(body["key"], keys, sets) if bare(key) == "*" else equals(body["key"], key, sets)
            if ended is None:
                ended, met = (Do.ACCEPT, ""), packets.doubt(text)
            rules.append(FilterRule((*conditions, met), *ended, f"{say(body['key'])} {say(bare(key))} {say(value)}"))
        return rules

    def _harmless(self, kind: str, body: Any, chain: tuple[str, str]) -> bool:
        """Note what a statement changes for later rules; return whether the packet goes on as it is."""
        if kind == "notrack":
            self.ruleset.stops_tracking = True
        elif kind == "mangle":
            target, key = next(iter(body["key"].items()))
            self.ruleset.sets_marks |= target in ("meta", "ct") and key["key"] == "mark"
            return target != "payload" or key.get("field") in _HARMLESS_FIELDS
        elif kind == "xt":
            self.foreign.add(chain)
            return False
        elif kind == "text":
            self.ruleset.sets_marks = self.ruleset.stops_tracking = True
        return kind == "notrack" or kind in _SILENT


def _end(kind: str, body: Any) -> tuple[Do, str] | None:
    """Return what a verdict or translation statement does, and its target."""
    if kind in _ENDS:
        return _ENDS[kind], ""
    if kind in ("jump", "goto"):
        return Do(kind), str(body["target"])
    if kind in ("dnat", "redirect"):
        address, port = (body or {}).get("addr", ""), (body or {}).get("port", "")
        return Do.TRANSLATE, f"{say(address)} {port if isinstance(port, int) else ''}"
    return None


def _implied(kind: str, body: Any, family_of_table: str) -> list[packets.Condition]:
    """Return the conditions that nft leaves out of its listing because the statement's own kind implies them.

    Before `reject with tcp reset` it even leaves out `meta nfproto ipv4`, which is not implied (seen in nft 1.0.6).
    """
    word = (body or {}).get({"reject": "type", "dnat": "family"}.get(kind, ""), "")
    if word == "tcp reset":
        lost = [packets.doubt("whether reject with tcp reset is for both families")]
        return [packets.protocols(["tcp"]), *(lost if family_of_table == "inet" else [])]
    family = {"icmp": 4, "ip": 4, "icmpv6": 6, "ip6": 6}.get(word)
    return [] if family is None else [packets.when(lambda packet: packet.family == family)]


def _table(item: Mapping[str, Any], key: str = "table") -> str:
    return f"{item['family']} {item[key]}"


def replaced(ruleset: Ruleset, foreign: set[tuple[str, str]], saved: Ruleset) -> None:
    """Take the rules of chains that iptables loaded from its own listing, where both have equally many.

    Of other chains nobody knows what they do to marks and connection tracking.
    """
    for key in foreign:
        mine, theirs = ruleset.chains[key], saved.chains.get(key)
        if theirs is not None and len(theirs.rules) == len(mine.rules):
            mine.rules = theirs.rules
        else:
            ruleset.sets_marks = ruleset.stops_tracking = True
    ruleset.sets_marks |= saved.sets_marks
    ruleset.stops_tracking |= saved.stops_tracking
