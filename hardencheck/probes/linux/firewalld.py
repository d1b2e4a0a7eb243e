"""firewalld's permanent configuration (firewalld.zone(5), firewalld.conf(5)) as the input chain that it loads at boot.

A packet goes to the zone of its source, else of its interface, else to the default zone, and what that zone does not
accept meets its target. Rules that reject are left out, which can only admit more.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from hardencheck.probes.linux import packets
from hardencheck.probes.linux.nft_rule import NotUnderstood
from hardencheck.probes.linux.packet_filter import Base, Chain, Do, FilterRule, Ruleset
from hardencheck.probes.linux.packets import ALL_PORTS, Condition

CONFIG = "/etc/firewalld/firewalld.conf"
_FOLDERS = ("/etc/firewalld", "/usr/lib/firewalld")
_TABLE = "inet firewalld"
#: elements of a zone that let no new TCP or UDP connection in to this host
_NEUTRAL = {
    "short", "description", "forward", "masquerade", "icmp-block", "icmp-block-inversion", "forward-port", "interface",
    "source", "helper",
}  # fmt: skip
_TARGETS = {"ACCEPT": Do.ACCEPT, "%%REJECT%%": Do.DROP, "REJECT": Do.DROP, "DROP": Do.DROP, "default": Do.DROP}


def load(files: Mapping[str, str], other_zones: list[str], ruleset: Ruleset) -> None:
    """Add the input chain to a ruleset; raises NotUnderstood.

    `files` are those below /etc/firewalld and /usr/lib/firewalld, `other_zones` the zones that network connections
    name, of interfaces that nobody knows.
    """
    if any(True for _ in _parsed(files.get("/etc/firewalld/direct.xml", "<direct/>"), "direct")):
        raise NotUnderstood("direct rules of firewalld")
    _policies(files)
    chain = ruleset.chain(_TABLE, "INPUT")
    chain.base = Base("input", "filter", True, frozenset({4, 6}))
    chain.rules.append(FilterRule((packets.came_in_by(["lo"]),), Do.ACCEPT))
    zones = {name: _parsed(_file(files, "zones", name), "zone") for name in _names(files, "zones")}
    by_interface = []
    for name, zone in sorted(zones.items()):
        sources = [_source(one) for one in zone.findall("source")]
        chain.rules += [_goto(condition, name) for condition in sources]
        interfaces = [one.get("name", "").replace("+", "*") for one in zone.findall("interface")]
        by_interface += [_goto(packets.came_in_by(interfaces), name)] if interfaces else []
    doubt = "whether a network connection puts the interface in zone"
    chain.rules += [*by_interface, *(_goto(packets.doubt(f"{doubt} {name}"), name) for name in sorted(other_zones))]
    default = settings(files).get("DefaultZone", "public")
    chain.rules.append(FilterRule((), Do.GOTO, f"zone {default}", f"default zone {default}"))
    for name in {default, *other_zones}:
        if name not in zones:
            raise NotUnderstood(f"zone {name} has no file")
    for name, zone in zones.items():
        _zone(ruleset.chain(_TABLE, f"zone {name}"), zone, files)


def targets(files: Mapping[str, str], other_zones: list[str]) -> dict[str, str]:
    """Return the target of each zone that packets can meet: those with interfaces or sources, and the default one."""
    found = {}
    for name in _names(files, "zones"):
        zone = _parsed(_file(files, "zones", name), "zone")
        bound = zone.find("interface") is not None or zone.find("source") is not None
        if bound or name in (settings(files).get("DefaultZone", "public"), *other_zones):
            found[name] = zone.get("target", "default")
    return found


def settings(files: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of firewalld.conf."""
    pairs = (line.partition("=") for line in files.get(CONFIG, "").splitlines() if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def _names(files: Mapping[str, str], kind: str) -> set[str]:
    parts = [path.removesuffix(".xml").rsplit("/", 2) for path in files if path.endswith(".xml")]
    return {name for folder, found, name in parts if folder in _FOLDERS and found == kind}


def _file(files: Mapping[str, str], kind: str, name: str) -> str:
    for folder in _FOLDERS:
        if (path := f"{folder}/{kind}/{name}.xml") in files:
            return files[path]
    raise NotUnderstood(f"{kind}/{name}.xml was not read")


def _parsed(text: str, tag: str) -> ElementTree.Element:
    if "<!" in text.replace("<!--", ""):
        raise NotUnderstood("a document type in firewalld's files")
    try:
        found = ElementTree.fromstring(text.encode())  # noqa: S314  no entities: there is no document type
    except (ElementTree.ParseError, ValueError):
        raise NotUnderstood(f"a {tag} of firewalld that is not XML") from None
    if found.tag != tag:
        raise NotUnderstood(f"<{found.tag}> where firewalld wants <{tag}>")
    return found


def _policies(files: Mapping[str, str]) -> None:
    for name in _names(files, "policies"):
        policy = _parsed(_file(files, "policies", name), "policy")
        if not any(one.get("name") == "HOST" for one in policy.findall("egress-zone")):
            continue
        rules = policy.findall("rule")
        others = {one.tag for one in policy} - {"short", "description", "ingress-zone", "egress-zone", "rule"}
        if policy.get("target") not in ("CONTINUE", "DROP", "REJECT") or others or not all(map(_icmp_only, rules)):
            raise NotUnderstood(f"policy {name} of firewalld")


def _icmp_only(rule: ElementTree.Element) -> bool:
    return any(rule.find(tag) is not None for tag in ("icmp-type", "icmp-block", "reject", "drop"))


def _goto(condition: Condition, zone: str) -> FilterRule:
    return FilterRule((condition,), Do.GOTO, f"zone {zone}", f"zone {zone}")


def _source(one: ElementTree.Element) -> Condition:
    if address := one.get("address"):
        if address.startswith("ipset:"):
            return packets.unlisted(address)
        found = _networks(address)
        condition = packets.sources(found)
    elif mac := one.get("mac"):
        condition = packets.origin(f"from {mac}")
    elif name := one.get("ipset"):
        condition = packets.unlisted(f"ipset {name}")
    else:
        raise NotUnderstood("a source without an address")
    inverted = one.get("invert", "no").lower() in ("yes", "true", "1")
    return packets.negate(condition) if inverted else condition


def _networks(text: str) -> list[packets.Network]:
    try:
        return [ipaddress.ip_network(text, strict=False)]
    except ValueError:
        raise NotUnderstood(f"the address {text!r} in firewalld's files") from None


def _zone(chain: Chain, zone: ElementTree.Element, files: Mapping[str, str]) -> None:
    """Fill a zone's chain; one that any attribute or element makes unclear may admit everything."""
    if set(zone.keys()) - {"target", "version"} or zone.get("target", "default") not in _TARGETS:
        raise NotUnderstood(f"the attributes of {chain.name}")
    for one in zone:
        if one.tag == "rule":
            chain.rules += _rich(one, files)
        elif one.tag not in _NEUTRAL:
            chain.rules += [FilterRule((met,), Do.ACCEPT, "", _said(one)) for met in _element(one, files, set())]
    target = zone.get("target", "default")
    chain.rules.append(FilterRule((), _TARGETS[target], "", f"{chain.name}: target {target}"))


def _rich(rule: ElementTree.Element, files: Mapping[str, str]) -> Iterator[FilterRule]:
    if rule.find("accept") is None:
        return
    conditions: list[Condition] = []
    if family := rule.get("family"):
        version = {"ipv4": 4, "ipv6": 6}.get(family)
        conditions.append(packets.when(lambda packet: packet.family == version))
    if (source := rule.find("source")) is not None:
        conditions.append(_source(source))
    if (destination := rule.find("destination")) is not None:
        conditions.append(packets.destinations(_networks(destination.get("address", ""))))
    known = {"accept", "source", "destination", "log", "audit", "nflog"}
    elements = [one for one in rule if one.tag not in known]
    if not elements:
        yield FilterRule(tuple(conditions), Do.ACCEPT, "", _said(rule))
    for one in elements:
        if one.tag not in ("icmp-type", "icmp-block"):
            for met in _element(one, files, set()):
                yield FilterRule((*conditions, met), Do.ACCEPT, "", _said(rule))


def _element(one: ElementTree.Element, files: Mapping[str, str], seen: set[str]) -> Iterator[Condition]:
    """Yield what an element accepts."""
    if one.tag == "port":
        yield packets.to_ports(_ports(one.get("port", "")), [one.get("protocol", "")])
    elif one.tag == "source-port":
        yield packets.to_ports(ALL_PORTS, [one.get("protocol", "")])
    elif one.tag == "protocol":
        yield packets.protocols([one.get("value", "")])
    elif one.tag == "service":
        name = one.get("name", "")
        if name in seen:
            return
        service = _parsed(_file(files, "services", name), "service")
        destination = service.find("destination")
        for part in service:
            included = ElementTree.Element("service", {"name": part.get("service", "")})
            inner = included if part.tag == "include" else part
            if inner.tag in ("port", "source-port", "protocol", "service"):
                for met in _element(inner, files, seen | {name}):
                    yield met if destination is None else packets.all_of([met, _towards(destination)])
    else:
        raise NotUnderstood(f"<{one.tag}> in a zone of firewalld")


def _towards(destination: ElementTree.Element) -> Condition:
    given = [destination.get(key) for key in ("ipv4", "ipv6")]
    return packets.destinations([net for text in given if text for net in _networks(text)])


def _ports(text: str) -> int:
    first, _, last = text.partition("-")
    try:
        return packets.span(int(first or 0), int(last or first)) if text else ALL_PORTS
    except ValueError:
        raise NotUnderstood(f"the port {text!r} in firewalld's files") from None


def _said(one: ElementTree.Element) -> str:
    return " ".join([one.tag, *(f'{key}="{value}"' for key, value in sorted(one.items()))])
