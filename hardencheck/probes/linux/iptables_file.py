"""A file for iptables-restore(8), such as /etc/iptables/rules.v4 or ufw's, as chains of the packet filter.

iptables-restore reads what iptables-save writes and more: options by their long names, shortened, or glued to their
values; and it loads a table whole or not at all. A line with a word that is not known here makes the file
`NotUnderstood`: it may open all, or be the mistake for which nothing is loaded.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux import iptables
from hardencheck.probes.linux.nft_rule import NotUnderstood
from hardencheck.probes.linux.packet_filter import Ruleset

_TABLES = ("filter", "nat", "mangle", "raw", "security")
_STATE = r"(?:INVALID|ESTABLISHED|NEW|RELATED|UNTRACKED)"
_STATES = rf"{_STATE}(?:,{_STATE})*"
_PORTS = r"\d+(?::\d+)?"
_NUMBER, _MARK, _TEXT = r"\d+", r"(?:0x[0-9a-fA-F]+|\d+)(?:/(?:0x[0-9a-fA-F]+|\d+))?", r"[^\n]{0,127}"
_RATE = r"\d+/(?:s|sec|second|m|min|minute|h|hour|d|day)"
_REJECTS = (
    r"(?:icmp6?-(?:net|host|port|proto|addr)-(?:unreachable|prohibited)|icmp6?-(?:admin|adm)-prohibited"
    r"|icmp6-no-route|tcp-reset)"
)
_WITH_PORTS = {"--dport": _PORTS, "--sport": _PORTS}

#: options by the match or target that they belong to, with what their value looks like ("" for none)
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "": {"-s": r"\S+", "-d": r"\S+", "-i": r"[\w.+@-]+", "-o": r"[\w.+@-]+"},
    "tcp": {**_WITH_PORTS, "--tcp-flags": r"[A-Z,]+ [A-Z,]+", "--syn": ""},
    "udp": _WITH_PORTS,
    "icmp": {"--icmp-type": r"(?:\d+(?:/\d+)?|any|echo-(?:request|reply)|destination-unreachable|time-exceeded"
                            r"|parameter-problem|source-quench|redirect)"},
    "icmp6": {"--icmpv6-type": r"(?:\d+(?:/\d+)?|echo-(?:request|reply)|destination-unreachable|packet-too-big"
                               r"|time-exceeded|parameter-problem|(?:router|neighbou?r)-(?:solicitation|advertisement)"
                               r"|redirect)"},
    "multiport": dict.fromkeys(("--dports", "--sports", "--ports"), rf"{_PORTS}(?:,{_PORTS})*"),
    "conntrack": {"--ctstate": _STATES, "--ctdir": r"ORIGINAL|REPLY", "--ctstatus": r"DNAT"},
    "state": {"--state": _STATES},
    "comment": {"--comment": _TEXT},
    "addrtype": dict.fromkeys(("--dst-type", "--src-type"), r"LOCAL|UNICAST|BROADCAST|MULTICAST"),
    "iprange": dict.fromkeys(("--src-range", "--dst-range"), r"\S+-\S+"),
    "mac": {"--mac-source": r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"},
    "mark": {"--mark": _MARK},
    "connmark": {"--mark": _MARK},
    "pkttype": {"--pkt-type": r"unicast|broadcast|multicast"},
    "policy": {"--dir": r"in|out", "--pol": r"none|ipsec"},
    "limit": {"--limit": _RATE, "--limit-burst": _NUMBER},
    "recent": {**dict.fromkeys(("--rcheck", "--update", "--set", "--rsource"), ""), "--name": r"[\w-]+",
               "--seconds": _NUMBER, "--hitcount": r"1?\d", "--mask": r"[0-9a-f.:]+"},
    "rt": {"--rt-type": _NUMBER},
    "hl": {"--hl-eq": _NUMBER},
    "rpfilter": dict.fromkeys(("--invert", "--loose", "--validmark"), ""),
    "ACCEPT": {}, "DROP": {}, "RETURN": {}, "NOTRACK": {}, "MASQUERADE": {},
    "REJECT": {"--reject-with": _REJECTS},
    "LOG": {"--log-prefix": r"[^\n]{0,29}", "--log-level": r"[0-7]|debug|info|notice|warning|error|crit|alert|emerg",
            **dict.fromkeys(("--log-ip-options", "--log-tcp-options", "--log-tcp-sequence", "--log-uid"), "")},
    "NFLOG": {"--nflog-prefix": r"[^\n]{0,63}", "--nflog-group": _NUMBER},
    "MARK": {"--set-xmark": _MARK, "--set-mark": _MARK},
    "CONNMARK": {"--set-xmark": _MARK, "--set-mark": _MARK, "--save-mark": "", "--restore-mark": ""},
    "CT": {"--notrack": ""},
    "TCPMSS": {"--clamp-mss-to-pmtu": "", "--set-mss": _NUMBER},
    "DNAT": {"--to-destination": r"[0-9a-f.:\[\]]+"},
    "SNAT": {"--to-source": r"[0-9a-f.:\[\]]+"},
    "REDIRECT": {"--to-ports": _NUMBER},
}  # fmt: skip
_PROTOCOLS = {"tcp": "tcp", "udp": "udp", "icmp": "icmp", "icmpv6": "icmp6", "ipv6-icmp": "icmp6"}
_OTHER_PROTOCOLS = {"all", "esp", "ah", "sctp", "udplite", "igmp", "gre", "vrrp", "ospf", "ipv6"}


def restore(text: str, family: int, ruleset: Ruleset, path: str) -> None:
    """Add what iptables-restore loads from a file to a ruleset; raises NotUnderstood."""
    table, kept = "", []
    chains = {name for _, name in ruleset.chains} | set(re.findall(r"^:(\S+) ", text, re.MULTILINE))
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        kept.append(re.sub(r"^\[\d+:\d+\] *", "", line))
        if kept[-1].startswith("-"):
            try:
                _rule(shlex.split(kept[-1]), chains | iptables.BUILT_IN)
            except (ValueError, IndexError) as error:
                raise NotUnderstood(f"{path}: {error} in `{line[:120]}`") from None
        elif line.startswith("*") and line[1:] in _TABLES:
            table = line
        elif not table or not re.fullmatch(r"COMMIT|:\S+ (?:ACCEPT|DROP|-)(?: \[\d+:\d+\])?", line):
            raise NotUnderstood(f"{path}: {line[:120]}")
        else:
            _chain(line, path)
    try:
        iptables.load("\n".join(kept), family, ruleset)
    except CaptureUnreadable as error:
        raise NotUnderstood(f"{path}: {error}") from None


def _chain(line: str, path: str) -> None:
    """Raise NotUnderstood for a policy of a chain that has none, or none of a chain that has one."""
    name, _, policy = line.removeprefix(":").partition(" ")
    if line != "COMMIT" and (name in iptables.BUILT_IN) is policy.startswith("-"):
        raise NotUnderstood(f"{path}: {line[:120]}")


def _rule(words: list[str], chains: frozenset[str] | set[str]) -> None:
    """Raise ValueError at the first word of a rule that is not sure to mean what it means in iptables-save's lines."""
    if words[0] != "-A" or words[1] not in chains:
        raise ValueError(" ".join(words[:2]))
    loaded, position, seen = [""], 2, set[str]()
    while position < len(words):
        negated = words[position] == "!"
        option, position = words[position + negated], position + negated + 1
        # after the target only its own options may stand: a condition there would hold, and is not read as one
        known = loaded[-1:] if seen & {"-j", "-g"} else loaded
        if (option in seen and option != "-m") or (option in ("-m", "-p", "-j", "-g") and known is not loaded):
            raise ValueError(f"{option} twice, or after the target")
        seen.add(option)
        if option in ("-m", "-p", "-j", "-g"):
            if negated and option != "-p":
                raise ValueError(f"! {option}")
            loaded += _begun(option, words[position], chains)
            position += 1
            continue
        wanted = next((_OPTIONS[name][option] for name in reversed(known) if option in _OPTIONS[name]), None)
        if wanted is None:
            raise ValueError(option)
        count = 0 if not wanted else 2 if option == "--tcp-flags" else 1
        values, position = words[position : position + count], position + count
        if len(values) < count or not re.fullmatch(wanted, " ".join(values)):
            raise ValueError(" ".join([option, *values]))
        if option in iptables.OPTIONS:
            iptables.OPTIONS[option](values)


def _begun(option: str, value: str, chains: frozenset[str] | set[str]) -> list[str]:
    """Return the match or target that an option brings in."""
    if option == "-p":
        if value in _PROTOCOLS:
            return [_PROTOCOLS[value]]
        if value in _OTHER_PROTOCOLS or (value.isdigit() and int(value) < 256):
            return []
    elif option == "-m" and value in _OPTIONS and value.islower():
        return [value]
    elif value in chains - iptables.BUILT_IN:
        return ["RETURN"]  # nothing may follow
    elif option == "-j" and value in _OPTIONS and value.isupper():
        return [value]
    raise ValueError(f"{option} {value}")
