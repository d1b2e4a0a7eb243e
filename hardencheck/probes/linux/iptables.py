"""What iptables-save and ip6tables-save print, as chains of the packet filter (iptables(8), iptables-extensions(8))."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux import packets
from hardencheck.probes.linux.packet_filter import Base, Do, FilterRule, Ruleset
from hardencheck.probes.linux.packets import EITHER, NO, YES, Condition

_HOOKS = {name: name.lower() for name in ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")}
#: the chains that every kernel has
BUILT_IN = frozenset(_HOOKS)
_ENDS = {"ACCEPT": Do.ACCEPT, "DROP": Do.DROP, "REJECT": Do.DROP, "TARPIT": Do.DROP, "RETURN": Do.RETURN}
_SILENT = {
    "LOG", "NFLOG", "ULOG", "AUDIT", "TCPMSS", "TCPOPTSTRIP", "CHECKSUM", "CLASSIFY", "SECMARK", "CONNSECMARK", "HL",
    "TTL", "TOS", "DSCP", "ECN", "SET", "TRACE", "RATEEST", "TEE", "HMARK", "IDLETIMER", "LED", "MASQUERADE", "SNAT",
}  # fmt: skip
#: matches on what the sender chooses, or on rates and times: nothing that keeps an outsider away
_OPEN_MODULES = {
    "limit", "hashlimit", "connlimit", "recent", "quota", "statistic", "time", "length", "ttl", "hl", "dscp", "ecn",
    "tos", "string", "u32", "tcpmss", "rpfilter", "icmp", "icmp6", "ipv6header", "frag", "rt", "hbh", "dst", "osf",
}  # fmt: skip
#: options whose value is free text
_TEXTS = {"--comment", "--string", "--hex-string"}
_POLICY = re.compile(r":(\S+) (\S+)(?: \[\d+:\d+\])?")


def load(text: str, family: int, ruleset: Ruleset, prefix: str = "") -> list[str]:
    """Add the tables of one listing to a ruleset; return the tables that iptables says it cannot list.

    `prefix` goes before the tables' names: the legacy tables live beside those of nf_tables.
    Raises CaptureUnreadable for a listing that is not whole: every table ends with COMMIT.
    """
    table, skipped = "", []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            skipped += re.findall(r"# Table `(\S+)' .*incompatible", line)
        elif line.startswith("*"):
            table = f"{prefix}{'ip' if family == 4 else 'ip6'} {line[1:]}"
        elif line == "COMMIT":
            table = ""
        elif not table:
            raise CaptureUnreadable(f"iptables-save: a rule outside of a table: {line}")
        elif found := _POLICY.fullmatch(line):
            chain = ruleset.chain(table, found[1])
            if found[1] in _HOOKS and found[2] != "-":
                kind, raw = "nat" if table.endswith(" nat") else "filter", table.endswith(" raw")
                chain.base = Base(_HOOKS[found[1]], kind, found[2] != "DROP", frozenset({family}), not raw)
        elif line.startswith("-A "):
            words = _words(line)
            ruleset.chain(table, words[1]).rules.append(_rule(words[2:], line, ruleset))
        else:
            raise CaptureUnreadable(f"iptables-save: unexpected line: {line}")
    if table:
        raise CaptureUnreadable("iptables-save: the last table has no COMMIT: the listing is cut off")
    return skipped


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line) if '"' in line or "'" in line or "\\" in line else line.split()
    except ValueError:
        words = []
    if len(words) < 2 or words[-1] in ("!", "-m", "-j", "-g"):
        raise CaptureUnreadable(f"iptables-save: a rule that is cut off: {line}")
    return words


def _rule(words: list[str], line: str, ruleset: Ruleset) -> FilterRule:
    """Read the options of one rule: conditions, then a target with its own options."""
    conditions: list[Condition] = []
    module, position = "", 0
    text = line.removeprefix("-A ").partition(" ")[2]
    while position < len(words):
        negated = words[position] == "!"
        position += negated
        option = words[position]
        values: list[str] = []
        position += 1
        if option in ("-j", "-g"):
            return _ending(option, words[position], words[position + 1 :], (conditions, text), ruleset)
        while position < len(words) and (
            (option in _TEXTS and not values) or (words[position] != "!" and not words[position].startswith("-"))
        ):
            values.append(words[position])
            position += 1
        if option == "-m":
            module = "".join(values)
            conditions += [packets.constant(EITHER)] if module in _OPEN_MODULES else []
            continue
        found = _option(module, option, values)
        conditions.append(packets.negate(found) if negated else found)
    return FilterRule(tuple(conditions), Do.PASS_ON, "", text)


def _ending(
    option: str, target: str, options: list[str], rule: tuple[list[Condition], str], ruleset: Ruleset
) -> FilterRule:
    conditions, text = rule
    if option == "-g":
        return FilterRule(tuple(conditions), Do.GOTO, target, text)
    if target in _ENDS:
        return FilterRule(tuple(conditions), _ENDS[target], "", text)
    if target in ("DNAT", "REDIRECT"):
        return FilterRule(tuple(conditions), Do.TRANSLATE, _destination(options), text)
    if target in ("MARK", "CONNMARK"):
        ruleset.sets_marks = True
    elif target in ("CT", "NOTRACK"):
        ruleset.stops_tracking = ruleset.stops_tracking or target == "NOTRACK" or "--notrack" in options
    elif target not in _SILENT:
        return FilterRule(tuple(conditions), Do.JUMP, target, text)
    return FilterRule(tuple(conditions), Do.PASS_ON, "", text)


def _destination(options: list[str]) -> str:
    """Return `address port` of `--to-destination 172.17.0.2:80`, `[fd00::2]:80` or `--to-ports 80`."""
    value = options[1] if len(options) > 1 and options[0] in ("--to-destination", "--to-ports") else ""
    if options[:1] == ["--to-ports"]:
        return f" {value if value.isdigit() else ''}"
    address, colon, port = value.rpartition(":")
    if not colon or ("[" not in value and value.count(":") > 1):
        address, port = value, ""
    return f"{address.strip('[]')} {port if port.isdigit() else ''}"


def _option(module: str, option: str, values: list[str]) -> Condition:
    handler = _MODULE_OPTIONS.get((module, option)) or OPTIONS.get(option)
    if handler is not None:
        try:
            return handler(values)
        except (ValueError, IndexError):
            return packets.doubt(" ".join(["-m", module, option, *values] if module else [option, *values]))
    if module in _OPEN_MODULES:
        return packets.constant(EITHER)
    return packets.doubt(" ".join(["-m", module, option, *values] if module else [option, *values]))


def _networks(values: list[str]) -> list[packets.Network]:
    return [ipaddress.ip_network(value, strict=False) for value in values[0].split(",")]


def _range(values: list[str]) -> list[packets.Network]:
    first, last = (ipaddress.ip_address(end) for end in values[0].split("-"))
    return list(ipaddress.summarize_address_range(first, last))


def _interface(values: list[str]) -> Condition:
    return packets.came_in_by([re.sub(r"\+$", "*", values[0])])


def _leaving(values: list[str]) -> Condition:
    return packets.goes_out_by([re.sub(r"\+$", "*", values[0])])


def _protocol(values: list[str]) -> Condition:
    return packets.constant(YES) if values[0] in ("all", "0") else packets.protocols([values[0].lower()])


def _to_ports(values: list[str]) -> Condition:
    found = 0
    for item in values[0].split(","):
        first, _, last = item.partition(":")
        found |= packets.span(int(first or 0), int(last or first) if last or ":" not in item else 65535)
    return packets.to_ports(found)


def _tcp_flags(values: list[str]) -> Condition:
    every = "FIN,SYN,RST,PSH,ACK,URG"
    mask, value = (every if words == "ALL" else "" if words == "NONE" else words for words in values[:2])
    return packets.tcp_flags(filter(None, mask.split(",")), filter(None, value.split(",")))


def _mark(what: str) -> Callable[[list[str]], Condition]:
    def build(values: list[str]) -> Condition:
        value, _, mask = values[0].partition("/")
        return packets.mark(int(value, 0), int(mask or "0xffffffff", 0), what)

    return build


def _status(values: list[str]) -> Condition:
    if values[0] != "DNAT":
        raise ValueError("only DNAT can be told of a new connection")
    return packets.translated()


def _ipsec(values: list[str]) -> Condition:
    return packets.constant(YES) if values[0] == "none" else packets.origin("over IPsec")


def _cast(values: list[str]) -> Condition:
    return packets.casts(values[0].lower().split(","))


def _set(values: list[str]) -> Condition:
    name, directions = values[0], values[1].split(",")
    if set(directions) == {"src"}:
        return packets.unlisted(f"ipset {name}")
    return packets.doubt(f"ipset {name}")


def _either(_: list[str]) -> Condition:
    return packets.constant(EITHER)


def _yes(_: list[str]) -> Condition:
    return packets.constant(YES)


#: what each option means, for all modules
OPTIONS: dict[str, Callable[[list[str]], Condition]] = {
    "-p": _protocol,
    "-s": lambda values: packets.sources(_networks(values)),
    "-d": lambda values: packets.destinations(_networks(values)),
    "-i": _interface,
    "-o": _leaving,
    "--uid-owner": packets.by_user,
    "--src-range": lambda values: packets.sources(_range(values)),
    "--dst-range": lambda values: packets.destinations(_range(values)),
    "--mac-source": lambda values: packets.origin(f"from {values[0]}"),
    "--dport": _to_ports,
    "--dports": _to_ports,
    "--sport": _either,
    "--sports": _either,
    "--ports": _either,
    "--tcp-option": _either,
    "--tcp-flags": _tcp_flags,
    "--syn": lambda _: packets.tcp_flags(("fin", "syn", "rst", "ack"), ("syn",)),
    "--ctstate": lambda values: packets.once_tracked(packets.states(values[0].split(","))),
    "--state": lambda values: packets.once_tracked(packets.states(values[0].split(","))),
    "--ctstatus": lambda values: packets.once_tracked(_status(values)),
    "--ctdir": lambda values: packets.once_tracked(packets.constant(YES if values[0] == "ORIGINAL" else NO)),
    "--dst-type": _cast,
    "--src-type": lambda values: packets.from_here() if values[0] == "LOCAL" else packets.constant(EITHER),
    "--limit-iface-in": _either,
    "--comment": _yes,
}
_MODULE_OPTIONS: dict[tuple[str, str], Callable[[list[str]], Condition]] = {
    ("mark", "--mark"): _mark("packet"),
    ("connmark", "--mark"): lambda values: packets.once_tracked(_mark("connection")(values)),
    ("pkttype", "--pkt-type"): lambda values: packets.casts(["host" if values[0] == "unicast" else values[0]]),
    ("set", "--match-set"): _set,
    ("policy", "--dir"): _yes,
    ("policy", "--pol"): _ipsec,
}
