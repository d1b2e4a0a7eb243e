"""What a loaded ruleset lets in, through or out: walks the chains at the kernel's hooks with an abstract packet.

Netfilter's semantics (nft(8), "VERDICT STATEMENT"): every base chain at a hook sees the packet; `accept` ends one
base chain only, `drop` is final, a base chain's policy holds for what its rules leave over. So the order of base chains
does not matter, and leaving one out can only admit more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import reduce
from operator import or_

from hardencheck.probes.linux.packets import ALL_PORTS, FREE, Condition, Packet, Tags, Way, ranges

#: As deep as the kernel goes (NFT_JUMP_STACK_SIZE), and more rules than real packets meet: then nothing is decided.
MAX_DEPTH = 16
MAX_STEPS = 100_000

#: the priority of connection tracking at the prerouting hook (NF_IP_PRI_CONNTRACK)
TRACKING = -200

#: Which packets reach a point, by tags. A set with fewer tags hides the same ports under more tags.
Flow = dict[Tags, int]


class Do(StrEnum):
    """What a rule does with a packet that meets its conditions."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    TRANSLATE = "translate"
    PASS_ON = "pass on"  # noqa: S105  to the next rule


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One rule: conditions, what it does when all hold, the target of a jump or translation, and its text."""

    conditions: tuple[Condition, ...]
    do: Do
    target: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """Where a chain is hooked into the kernel, for which families, and what becomes of packets that it leaves over.

    `tracked` is false for chains that see packets before connection tracking does.
    """

    hook: str
    kind: str
    accepts: bool
    families: frozenset[int]
    tracked: bool = True


@dataclass(slots=True)
class Chain:
    """A list of rules; `table` is "family name", and jumps lead to chains of the same table."""

    table: str
    name: str
    rules: list[FilterRule] = field(default_factory=list)
    base: Base | None = None


@dataclass(slots=True)
class Ruleset:
    """Everything loaded, from nf_tables and from the legacy tables.

    `sets_marks` and `stops_tracking` tell of rules with that effect; `early` and `late` name chains at the ingress
    and egress hooks that drop: they are not evaluated, so they make "open" uncertain. `unseen` says which part could
    not be listed.
    """

    chains: dict[tuple[str, str], Chain] = field(default_factory=dict)
    sets_marks: bool = False
    stops_tracking: bool = False
    early: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def chain(self, table: str, name: str) -> Chain:
        """Return the chain of this name, made when it is new."""
        return self.chains.setdefault((table, name), Chain(table, name))

    def hooked(self, hook: str, family: int, *, translating: bool = False) -> list[Chain]:
        """Return the base chains at a hook."""
        return [
            chain
            for chain in self.chains.values()
            if chain.base
            and chain.base.hook == hook
            and family in chain.base.families
            and (chain.base.kind == "nat") is translating
        ]


@dataclass(frozen=True, slots=True)
class Grant:
    """One place that lets packets through: its text, and which packets."""

    text: str
    tags: Tags
    ports: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """The packets that get in, and the places in the input chains that let them through.

    `flow` has the ports of this host's sockets, `outer` those that outsiders knock at (before a redirect).
    """

    flow: Flow
    outer: Flow
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Translation:
    """Ports that are handed on to another address: `target` is where to, "" for this host itself."""

    ports: int
    target: str
    to_ports: int
    tags: Tags = FREE


def add(flow: Flow, tags: Tags, ports: int) -> None:
    """Put packets into a flow, without those that are there already with fewer tags."""
    for known, seen in flow.items():
        if known <= tags:
            ports &= ~seen
    if ports:
        flow[tags] = flow.get(tags, 0) | ports


def admitted(ruleset: Ruleset, packet: Packet) -> Admitted:
    """Return which ports of this host the packet reaches."""
    redirects = [found for found in translations(ruleset, packet) if not found.target]
    packet = replace(packet, translated=reduce(or_, (found.to_ports for found in redirects), 0))
    flow, _ = _through(ruleset, packet, "prerouting", {FREE: ALL_PORTS})
    flow, grants = _through(ruleset, packet, "input", flow)
    behind = [{tags: found.ports} for found in redirects for tags, ports in flow.items() if ports & found.to_ports]
    return Admitted(flow, merged([flow, *behind]), grants)


def handed_on(ruleset: Ruleset, packet: Packet, found: Translation) -> Flow:
    """Return which of a translation's ports packets get through the chains at the forward hook, by its own tags.

    `packet` is what comes out of the translation: its way is THROUGH, its target the translation's. The ports are
    those that outsiders knock at.
    """
    before = replace(packet, way=Way.IN, target=None, leaves=None)
    knocked, _ = _through(ruleset, before, "prerouting", {found.tags: found.ports})
    out: Flow = {}
    for tags, ports in knocked.items():
        sent = found.to_ports if found.to_ports.bit_count() == 1 else ports
        flow, _ = _through(ruleset, packet, "forward", {tags: sent})
        for met, passed in flow.items():
            add(out, met, ports if found.to_ports.bit_count() == 1 else passed)
    return out


def sent(ruleset: Ruleset, packet: Packet) -> Admitted:
    """Return which ports of other hosts a packet of this host (Way.OUT) gets to."""
    flow, grants = _through(ruleset, packet, "output", {FREE: ALL_PORTS})
    flow, _ = _through(ruleset, packet, "postrouting", flow)
    return Admitted(flow, flow, grants)


def _through(ruleset: Ruleset, packet: Packet, hook: str, flow: Flow) -> tuple[Flow, tuple[Grant, ...]]:
    """Walk all base chains of one hook that do not translate."""
    packet = replace(packet, marked=ruleset.sets_marks, untracked=ruleset.stops_tracking)
    grants: list[Grant] = []
    for chain in ruleset.hooked(hook, packet.family):
        walk = _Walk(ruleset, packet)
        flow = walk.base(chain, flow)
        grants += walk.grants
    return flow, tuple(grants)


def translations(ruleset: Ruleset, packet: Packet) -> list[Translation]:
    """Return the inbound address translations (DNAT, redirect) that the packet can meet."""
    found = []
    packet = replace(packet, marked=ruleset.sets_marks, untracked=ruleset.stops_tracking)
    for chain in ruleset.hooked("prerouting", packet.family, translating=True):
        walk = _Walk(ruleset, packet)
        walk.base(chain, {FREE: ALL_PORTS})
        found += walk.translations
    return found


class _Walk:
    """One packet's way through one base chain."""

    def __init__(self, ruleset: Ruleset, packet: Packet) -> None:
        self.ruleset = ruleset
        self.packet = packet
        self.accepted: Flow = {}
        self.grants: list[Grant] = []
        self.translations: list[Translation] = []
        self.steps = 0

    def base(self, chain: Chain, flow: Flow) -> Flow:
        assert chain.base  # noqa: S101  `hooked` yields base chains only
        self.packet = replace(self.packet, tracked=chain.base.tracked)
        left = self.chain(chain, flow, 0)
        if chain.base.accepts:
            self._accept(left, f"{chain.table} {chain.name}: policy accept")
        return self.accepted

    def chain(self, chain: Chain, flow: Flow, depth: int) -> Flow:
        """Walk the rules; return what comes out at the end or by `return`."""
        out: Flow = {}
        for rule in chain.rules:
            self.steps += 1
            flow, met = self._split(rule, flow)
            if met:
                self._do(rule, chain, met, (flow, out), depth)
        _pour(flow, out)
        return out

    def _split(self, rule: FilterRule, flow: Flow) -> tuple[Flow, Flow]:
        """Part a flow into what goes on to the next rule and what meets all conditions."""
        missed: Flow = {}
        for condition in rule.conditions:
            answer = condition(self.packet)
            met: Flow = {}
            for tags, ports in flow.items():
                if ports & answer.no:
                    add(missed, tags | answer.no_tags, ports & answer.no)
                if ports & answer.yes:
                    add(met, tags | answer.yes_tags, ports & answer.yes)
            flow = met
        return missed, flow

    def _do(self, rule: FilterRule, chain: Chain, met: Flow, ways: tuple[Flow, Flow], depth: int) -> None:
        onward, out = ways
        where = f"{chain.table} {chain.name}: {rule.text}"
        if rule.do is Do.ACCEPT:
            self._accept(met, where)
        elif rule.do is Do.RETURN:
            _pour(met, out)
        elif rule.do is Do.PASS_ON:
            _pour(met, onward)
        elif rule.do is Do.TRANSLATE:
            for tags, ports in met.items():
                self._translate(rule, tags, ports)
        elif rule.do in (Do.JUMP, Do.GOTO):
            target = self.ruleset.chains.get((chain.table, rule.target))
            if target is None or depth >= MAX_DEPTH or self.steps > MAX_STEPS:
                lost = Tags(doubts=frozenset({f"{where} (a chain that cannot be followed)"}))
                self._accept({tags | lost: ports for tags, ports in met.items()}, where)
            else:
                _pour(self.chain(target, met, depth + 1), onward if rule.do is Do.JUMP else out)

    def _accept(self, flow: Flow, text: str) -> None:
        for tags, ports in flow.items():
            add(self.accepted, tags, ports)
            self.grants.append(Grant(text, tags, ports))

    def _translate(self, rule: FilterRule, tags: Tags, ports: int) -> None:
        address, _, port = rule.target.rpartition(" ")
        if any(str(own.network_address) == address and not own.network_address.is_loopback for own in self.packet.own):
            address = ""
        self.translations.append(Translation(ports, address, 1 << int(port) if port else ports, tags))


def _pour(source: Flow, into: Flow) -> None:
    for tags, ports in source.items():
        add(into, tags, ports)


def shown(protocol: str, flow: Mapping[Tags, int]) -> list[str]:
    """Return a flow as sentences: `tcp/22`, `tcp/1000-2000 from 10.0.0.0/8`, `udp/any`."""
    found = []
    for tags, ports in flow.items():
        suffix = "".join(f" {text}" for text in sorted(tags.origins))
        suffix += "".join(f" (undecided: {text})" for text in sorted(tags.doubts))
        for first, last in ranges(ports):
            found.append((first, last, suffix))
    return [f"{protocol}/{_range(first, last)}{suffix}" for first, last, suffix in sorted(found)]


def merged(flows: Iterable[Flow]) -> Flow:
    """Return what any of these flows holds."""
    out: Flow = {}
    for flow in flows:
        for tags, ports in sorted(flow.items(), key=lambda item: len(item[0].origins) + len(item[0].doubts)):
            add(out, tags, ports)
    return out


def _range(first: int, last: int) -> str:
    if (first, last) == (0, 65535):
        return "any"
    return str(first) if first == last else f"{first}-{last}"
