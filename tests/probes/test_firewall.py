"""The packet filter's parts: sets of ports, rulesets of nft and iptables, listening sockets."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux import firewall_ports, iptables, listeners, nftables, packets
from hardencheck.probes.linux.firewall_view import Found, View
from hardencheck.probes.linux.packet_filter import Ruleset, admitted, sent, shown
from hardencheck.probes.linux.packets import FREE, Packet, Way
from hardencheck.probes.output import Output, Run

META = {"metainfo": {"version": "1.0.6", "json_schema_version": 1}}
BASE = {"family": "inet", "table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0}
OWN = tuple(ipaddress.ip_network(address) for address in ("192.0.2.10", "2001:db8::10"))


def nft(*expressions: list[Any], policy: str = "drop", more: tuple[dict[str, Any], ...] = ()) -> Ruleset:
    """Return the ruleset of one input chain with these rules."""
    rules = [{"rule": {"family": "inet", "table": "t", "chain": "in", "expr": parts}} for parts in expressions]
    ruleset = Ruleset()
    items = [META, {"table": {"family": "inet", "name": "t"}}, {"chain": BASE | {"policy": policy}}, *more, *rules]
    nftables.load(json.dumps({"nftables": items}), ruleset, [])
    return ruleset


def save(rules: str, family: int = 4) -> Ruleset:
    ruleset = Ruleset()
    iptables.load(f"*filter\n:INPUT DROP [0:0]\n:other - [0:0]\n{rules}\nCOMMIT\n", family, ruleset)
    return ruleset


def lets_in(ruleset: Ruleset, protocol: str = "tcp", family: int = 4, interface: str = "eth0") -> list[str]:
    return shown(protocol, admitted(ruleset, Packet(family, protocol, interface, OWN)).flow)


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


ACCEPT = {"accept": None}
DPORT_22 = match({"payload": {"protocol": "tcp", "field": "dport"}}, 22)


@given(st.sets(st.tuples(st.integers(0, 65535), st.integers(0, 300)), max_size=8))
def test_a_set_of_ports_is_what_went_in(spans: set[tuple[int, int]]) -> None:
    members, ports = set(), 0
    for first, length in spans:
        last = min(65535, first + length)
        members |= set(range(first, last + 1))
        ports |= packets.span(first, last)
    assert {port for first, last in packets.ranges(ports) for port in range(first, last + 1)} == members


@pytest.mark.parametrize(
    "part",
    [
        {"frobnicate": {"anything": 1}},
        {"queue": {"num": 1}},
        {"tproxy": {"port": 80}},
        {"xt": {"type": "target", "name": "REJECT"}},
        {"xt": None},
        {"mangle": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "value": 22}},
        {"vmap": {"key": {"frobnicate": 1}, "data": {"set": [[1, ACCEPT]]}}},
        {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@unlisted"}},
        {"jump": {"target": "nowhere"}},
        "jump {\n\t\t\ttcp dport 1-65535 accept\n\t\t}",
    ],
    ids=lambda part: part.split()[0] if isinstance(part, str) else next(iter(part)),
)
def test_an_unknown_statement_is_never_called_closed(part: dict[str, Any] | str) -> None:
    found = lets_in(nft([part]))
    assert found, "it might let everything in"
    assert all("undecided" in item for item in found)


@pytest.mark.parametrize(
    "condition",
    [
        match({"frobnicate": 1}, 1),
        match({"meta": {"key": "skuid"}}, 0),
        match({"meta": {"key": "iif"}}, 7),
        match({"ct": {"key": "zone"}}, 1),
        match({"socket": {"key": "transparent"}}, 1),
        match({"payload": {"base": "th", "offset": 16, "len": 16}}, 22),
        match({"payload": {"protocol": "tcp", "field": "dport"}}, "@unlisted"),
        match({"payload": {"protocol": "tcp", "field": "dport"}}, {"map": {}}),
        match({"&": [{"payload": {"protocol": "ip", "field": "saddr"}}, "255.0.0.0"]}, "10.0.0.0"),
        match({"ct": {"key": "state"}}, ["new", "established"], "!="),
    ],
    ids=str,
)
def test_an_unknown_condition_is_never_called_closed(condition: dict[str, Any]) -> None:
    found = lets_in(nft([condition, ACCEPT]))
    assert found
    assert all("undecided" in item for item in found)


@pytest.mark.parametrize("ports", [[], [{"payload": {"protocol": "tcp", "field": "dport"}}]], ids=["one", "tuple"])
def test_whoever_sends_packets_gets_into_a_set_that_rules_fill(ports: list[dict[str, Any]]) -> None:
    source = {"payload": {"protocol": "ip", "field": "saddr"}}
    key = {"concat": [source, *ports]} if ports else source
    seen = {"set": {"family": "inet", "table": "t", "name": "seen", "type": "ipv4_addr", "flags": ["dynamic"]}}
    add = {"set": {"op": "add", "elem": key, "set": "@seen"}}
    found = lets_in(nft([match(key, "@seen"), ACCEPT], [add], more=(seen,)))
    assert found == ["tcp/any (undecided: from @seen, whose members are not listed)"]
    banned = nft([match(key, "@seen"), {"drop": None}], [DPORT_22, ACCEPT], [add], more=(seen,))
    assert lets_in(banned) == ["tcp/22"]


def test_what_tracking_and_marks_say_depends_on_rules_that_set_them() -> None:
    marked = [match({"meta": {"key": "mark"}}, 1), ACCEPT]
    untracked = [match({"ct": {"key": "state"}}, "untracked", "in"), ACCEPT]
    assert lets_in(nft(marked)) == []
    assert lets_in(nft(untracked)) == []
    assert "undecided" in lets_in(nft([{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}], marked))[0]
    assert "undecided" in lets_in(nft([{"notrack": None}], untracked))[0]


def test_a_dormant_table_is_left_out_and_an_unnamed_flag_leaves_it_open() -> None:
    items = [META, {"table": {"family": "inet", "name": "t", "flags": "t"}}, {"chain": BASE | {"policy": "drop"}}]
    for lines, unseen in (
        (["table inet t {", "\tflags dormant"], 0),
        (["table inet t {", "\tflags owner"], 0),
        ([], 1),
    ):
        ruleset = Ruleset()
        nftables.load(json.dumps({"nftables": items}), ruleset, lines)
        assert len(ruleset.unseen) == unseen
        assert bool(lets_in(ruleset)) is ("\tflags owner" not in lines)


def test_chains_that_call_each_other_in_a_circle_end_undecided() -> None:
    jump = [{"jump": {"target": "in"}}, {"jump": {"target": "in"}}]
    found = lets_in(nft([jump[0]], [jump[1]]))
    assert found
    assert all("undecided" in item for item in found)


def test_a_source_of_most_of_the_internet_is_everybody() -> None:
    def source(*networks: tuple[str, int]) -> list[Any]:
        prefixes = [{"prefix": {"addr": address, "len": length}} for address, length in networks]
        return [match({"payload": {"protocol": "ip", "field": "saddr"}}, {"set": prefixes}), ACCEPT]

    assert lets_in(nft(source(("0.0.0.0", 1), ("128.0.0.0", 1)))) == ["tcp/any"]
    assert lets_in(nft(source(("10.0.0.0", 8), ("192.168.0.0", 16)))) == ["tcp/any from 10.0.0.0/8, 192.168.0.0/16"]
    assert lets_in(nft(source(("127.0.0.0", 8)))) == []
    assert lets_in(nft(source(("10.0.0.0", 8))), family=6) == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", ["tcp/22"]),
        ("-A INPUT -p tcp -m multiport --dports 80,443,1000:1002 -j ACCEPT", ["tcp/80", "tcp/443", "tcp/1000-1002"]),
        ("-A INPUT -p tcp -m tcp ! --dport 1:65535 -j ACCEPT", ["tcp/0"]),
        ("-A INPUT -p udp -j ACCEPT", []),
        ("-A INPUT -i lo -j ACCEPT", []),
        ("-A INPUT ! -i lo -j ACCEPT", ["tcp/any"]),
        ("-A INPUT -i eth+ -p tcp -m tcp --dport 22 -j ACCEPT", ["tcp/22"]),
        ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", []),
        ("-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT", ["tcp/22"]),
        ("-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", ["tcp/any"]),
        ("-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", []),
        ('-A INPUT -m comment --comment "-j ACCEPT ! \\"x\\"" -p tcp -m tcp --dport 22 -j ACCEPT', ["tcp/22"]),
        ("-A INPUT -s 10.0.0.0/8 -j ACCEPT", ["tcp/any from 10.0.0.0/8"]),
        ("-A INPUT -s 127.0.0.0/8 -j ACCEPT", []),
        ("-A INPUT -d 192.0.2.10/32 -j ACCEPT", ["tcp/any"]),
        ("-A INPUT -d 224.0.0.251/32 -j ACCEPT", []),
        ("-A INPUT -m mark --mark 0x1 -j ACCEPT", []),
        ("-A INPUT -m mark --mark 0x0/0x1 -j ACCEPT", ["tcp/any"]),
        ("-A INPUT -m limit --limit 5/min -j ACCEPT", ["tcp/any"]),
        ("-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT", ["tcp/any"]),
        ("-A INPUT -m policy --dir in --pol ipsec -j ACCEPT", ["tcp/any over IPsec"]),
        ("-A INPUT -p tcp -j other\n-A other -p tcp -m tcp --dport 80 -j RETURN\n-A other -j ACCEPT",
         ["tcp/0-79", "tcp/81-65535"]),
        ("-A INPUT -g other\n-A INPUT -j ACCEPT\n-A other -p tcp -m tcp --dport 80 -j ACCEPT", ["tcp/80"]),
        ("-A INPUT -j LOG --log-prefix \"-j ACCEPT \"", []),
        ("-A INPUT -m set --match-set bad src -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", ["tcp/22"]),
    ],
)  # fmt: skip
def test_iptables_rules_mean_what_the_manual_says(rules: str, expected: list[str]) -> None:
    ruleset = save(rules)
    assert lets_in(ruleset) == expected
    assert lets_in(ruleset) == expected, "the second packet fares as the first"


@pytest.mark.parametrize(
    "rules",
    [
        "-A INPUT -m cgroup --path user -j ACCEPT",
        "-A INPUT -m set --match-set office src -j ACCEPT",
        "-A INPUT -m frobnicate --what 1 -j ACCEPT",
        "-A INPUT -j NFQUEUE --queue-num 0",
        "-A INPUT -j FROBNICATE",
        "-A INPUT -j MARK --set-xmark 0x1/0xffffffff\n-A INPUT -m mark --mark 0x1 -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport ssh -j ACCEPT",
    ],
)
def test_iptables_rules_that_are_not_understood_are_never_called_closed(rules: str) -> None:
    found = lets_in(save(rules))
    assert found
    assert all("undecided" in item for item in found)


@pytest.mark.parametrize(
    "text", ["*filter\n:INPUT DROP [0:0]\n", "-A INPUT -j DROP\n", "*filter\n-A INPUT -j\nCOMMIT\n"]
)
def test_a_listing_of_iptables_that_is_cut_off_is_refused(text: str) -> None:
    with pytest.raises(CaptureUnreadable):
        iptables.load(text, 4, Ruleset())


def test_accepted_in_one_base_chain_is_not_accepted_in_the_next() -> None:
    ruleset = save("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT")
    iptables.load("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", 4, ruleset, "legacy ")
    assert admitted(ruleset, Packet(4, "tcp", "eth0")).flow == {FREE: 1 << 22}


def test_ss_and_the_kernel_tables_tell_the_same_sockets() -> None:
    from_ss = listeners.from_ss(
        """Netid State Local Address:Port
tcp LISTEN 0.0.0.0:83
tcp LISTEN *:81
tcp LISTEN [::ffff:192.0.2.10]:84
udp UNCONN 0.0.0.0:85
tcp LISTEN 127.0.0.53%lo:53
tcp LISTEN [::1]:25""".splitlines()
    )
    from_kernel = listeners.from_kernel(
        """tcp 00000000:0053
tcp6 00000000000000000000000000000000:0051
tcp6 0000000000000000FFFF00000A0200C0:0054
udp 00000000:0055
tcp 3500007F:0035
tcp6 00000000000000000000000001000000:0019""".splitlines()
    )
    assert [(one.item, one.families, one.outside) for one in from_ss] == [
        (one.item, one.families, one.outside) for one in from_kernel
    ]
    assert [one.item for one in from_ss if not one.outside] == ["tcp/25", "tcp/53"]


def test_a_socket_bound_to_an_interface_says_so_and_old_ss_is_understood() -> None:
    lines = [
        "Netid State",
        'udp UNCONN 0.0.0.0%eth0:68 users:(("dhclient"))',
        'tcp LISTEN :::22 users:(("sshd"),("systemd"))',
    ]
    found = listeners.from_ss(lines)
    assert [str(one) for one in found] == ["tcp/22 sshd/systemd on ::", "udp/68 dhclient on 0.0.0.0%eth0"]
    with pytest.raises(CaptureUnreadable, match="no heading"):
        listeners.from_ss([])


def test_a_container_among_several_addresses_may_escape_a_drop_for_one_of_them() -> None:
    drop = "-A FORWARD -d 172.17.0.2/32 -j DROP"
    for target, gone in (("172.17.0.2", True), ("172.17.0.2-172.17.0.5", False)):
        ruleset = Ruleset()
        text = f"*nat\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination {target}\nCOMMIT\n"
        iptables.load(f"{text}*filter\n:FORWARD ACCEPT\n{drop}\nCOMMIT\n", 4, ruleset)
        found = Found({}, {}, {})
        output = Output(runs={"ss": Run("Netid State\n", 0)})
        firewall_ports.sockets(found, View(ruleset, ["eth0"], OWN), output, {}, (4,))
        assert found.facts["container_ports"] == ([] if gone else ["tcp/80"])


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", ["tcp/any"]),
        ("-A OUTPUT -o eth0 -p tcp -m tcp --dport 443 -j ACCEPT\n-A OUTPUT -j DROP", ["tcp/443"]),
        ("-A OUTPUT -o lo -j ACCEPT\n-A OUTPUT -j REJECT", []),
        ("-A OUTPUT -d 10.0.0.0/8 -j ACCEPT\n-A OUTPUT -j DROP", ["tcp/any to 10.0.0.0/8"]),
        ("-A OUTPUT ! -d 10.0.0.0/8 -j DROP", ["tcp/any to 10.0.0.0/8"]),
        ("-A OUTPUT -s 192.0.2.10/32 -j ACCEPT\n-A OUTPUT -j DROP", ["tcp/any"]),
        ("-A OUTPUT -m addrtype --dst-type LOCAL -j ACCEPT\n-A OUTPUT -j DROP", []),
        ("-A OUTPUT -m owner --uid-owner 0 -j ACCEPT\n-A OUTPUT -j DROP", ["tcp/any for user 0"]),
        ("-A OUTPUT -m owner --uid-owner 1000 -j ACCEPT\n-A OUTPUT -j DROP", ["tcp/any"]),
        ("-A OUTPUT -m owner ! --uid-owner 13 -j DROP", ["tcp/any for user 13"]),
        ("-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A OUTPUT -j DROP", []),
    ],
)
def test_outbound_rules_mean_what_the_manual_says(rules: str, expected: list[str]) -> None:
    ruleset = Ruleset()
    iptables.load(f"*filter\n:OUTPUT ACCEPT [0:0]\n{rules}\nCOMMIT\n", 4, ruleset)
    packet = Packet(4, "tcp", "eth0", OWN, Way.OUT)
    assert shown("tcp", sent(ruleset, packet).flow) == expected


def test_an_outbound_rule_that_is_not_understood_leaves_it_undecided() -> None:
    for rule in ("-m owner --gid-owner 100 -j ACCEPT", "-m set --match-set office dst -j ACCEPT", "-j NFQUEUE"):
        ruleset = Ruleset()
        iptables.load(f"*filter\n:OUTPUT DROP [0:0]\n-A OUTPUT {rule}\nCOMMIT\n", 4, ruleset)
        assert View(ruleset, ["eth0"], OWN).verdict(4, Way.OUT).answer is None


def test_a_packet_that_was_translated_meets_the_state_of_that_name() -> None:
    ruleset = save("-A INPUT -m conntrack --ctstate DNAT -j ACCEPT")
    text = "*nat\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 80\nCOMMIT\n"
    iptables.load(text, 4, ruleset)
    assert lets_in(ruleset) == ["tcp/80 by address translation"]
