"""Outbound, forwarded and saved rules against the kernel and the real programs, in throw-away network namespaces."""

from __future__ import annotations

import random
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hardencheck.probes.linux import nft_file
from hardencheck.probes.linux.firewall_view import View
from hardencheck.probes.linux.iptables_file import restore
from hardencheck.probes.linux.nft_rule import NotUnderstood
from hardencheck.probes.linux.packet_filter import Ruleset
from tests.probes.test_firewall_oracle import (
    CLIENT,
    IPTABLES,
    RULESETS,
    SERVER,
    SOURCES,
    TCP,
    UDP,
    Inner,
    chain,
    covers,
    inner,
    items,
)
from tests.tools import need_program

__all__ = ["inner"]  # the fixture with the two namespaces

OUTSIDE = {4: "10.77.91.1", 6: "fd77:91::1"}
CLIENT_OUT = re.sub(r"for a in \(.*?\) for k", f"for a in {tuple(OUTSIDE.values())} for k", CLIENT)


def out(rules: str, policy: str = "drop") -> str:
    return chain("output", policy, f"oif lo accept\nmeta l4proto ipv6-icmp accept\n{rules}")


OUTBOUND = {
    "nothing_loaded": ("", "open open"),
    "policy_drop": (out("tcp dport { 80, 443 } accept\nudp dport 53 accept"), "denied denied"),
    "reject_at_the_end": (out("tcp dport 443 accept\nreject", "accept"), "denied denied"),
    "one_family": (out("meta nfproto ipv6 accept\ntcp dport 80 accept"), "denied open"),
    "some_hosts": (out("ip daddr 10.77.91.0/24 tcp dport 22 accept\nip6 daddr fd77:91::1 accept\n"
                       "ip daddr 192.0.2.0/24 accept"), "denied denied"),
    "all_but_some_hosts": (out("ip daddr != 192.0.2.1 tcp dport != 443 accept"), "open denied"),
    "by_interface": (out('oifname "eth1" accept\noifname "eth0" tcp dport 8080 accept'), "denied denied"),
    "by_account": (out("meta skuid 0 tcp dport 22 accept\nmeta skuid 1000 tcp dport 90 accept"), "denied denied"),
    "at_postrouting": ("table inet o { chain p { type filter hook postrouting priority 0; policy accept;"
                       " tcp dport != 443 drop; meta l4proto udp drop; }; }", "denied denied"),
    "from_its_own_address": (out("ip saddr 10.77.91.2 accept"), "open denied"),
    "an_input_chain_closes_nothing": (
        "table inet i { chain in { type filter hook input priority 0; policy drop; ct state established accept;"
        " meta l4proto ipv6-icmp accept; }; }", "open open"),
}  # fmt: skip


@pytest.fixture(scope="module")
def outside(inner: Inner) -> Iterator[Inner]:
    command = ["ip", "netns", "exec", inner.outer, sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        yield inner
        server.kill()


@pytest.mark.parametrize("name", OUTBOUND)
def test_what_is_called_closed_to_the_outside_cannot_be_reached(outside: Inner, name: str) -> None:
    rules, expected = OUTBOUND[name]
    outside.run("nft", "-f", "-", stdin=f"flush ruleset\n{rules}\n")
    observation = outside.observe()
    facts = observation.facts
    assert f"{facts.get('ipv4_outbound')} {facts.get('ipv6_outbound')}" == expected, observation.missing
    reached = {
        line.split()[1] for line in outside.run(sys.executable, "-c", CLIENT_OUT, str(next(SOURCES))).splitlines()
    }
    anywhere = {item for item in items() if covers(facts["outbound_ports"], item)}
    exceptions = {item for item in items() if covers(facts["outbound_exceptions"], item)}
    assert reached <= anywhere | exceptions, "called closed and is open"
    assert anywhere - {"tcp/90"} <= reached, "called open and is closed"


FORWARDED = {
    "nothing_at_forward": ("", {"tcp/9000", "tcp/9001"}),
    "policy_drop": ("type filter hook forward priority 0; policy drop;", set()),
    "engine_accepts": (
        'type filter hook forward priority 0; policy drop;\niifname != "docker0" oifname "docker0"'
        " ip daddr 172.17.0.2 tcp dport 80 accept\noifname \"docker0\" ct state established,related accept\n"
        'iifname "docker0" accept',
        {"tcp/9000"},
    ),
    "user_chain_drops": (
        'type filter hook forward priority 0; policy accept;\niifname "eth0" ct state new drop',
        set(),
    ),
    "other_container_dropped": (
        "type filter hook forward priority 0; policy accept;\nip daddr 172.17.0.3 drop\ntcp dport 443 drop",
        {"tcp/9000"},
    ),
    "translated_may_pass": (
        "type filter hook forward priority 0; policy drop;\nct state established,related accept\nct status dnat accept",
        {"tcp/9000", "tcp/9001"},
    ),
}  # fmt: skip
NAT = """table ip nat {
chain pre { type nat hook prerouting priority -100;
fib daddr type local tcp dport 9000 dnat to 172.17.0.2:80
fib daddr type local tcp dport 9001 dnat to 172.17.0.2:443
}
}
"""


@pytest.fixture(scope="module")
def container(inner: Inner) -> Iterator[Inner]:
    name = f"hcfw-{secrets.token_hex(3)}-box"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=10)
    server = None
    try:
        inner.run("ip", "link", "add", "docker0", "type", "veth", "peer", "name", "eth0", "netns", name)
        inner.run("ip", "addr", "add", "172.17.0.1/16", "dev", "docker0")
        inner.run("ip", "link", "set", "docker0", "up")
        inner.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        for words in ("addr add 172.17.0.2/16 dev eth0", "link set eth0 up", "route add default via 172.17.0.1"):
            subprocess.run(["ip", "-n", name, *words.split()], check=True, timeout=10)
        command = ["ip", "netns", "exec", name, sys.executable, "-c", SERVER]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        yield inner
    finally:
        if server is not None:
            server.kill()
            server.wait()
            assert server.stdout
            server.stdout.close()
        subprocess.run(["ip", "netns", "delete", name], check=False, timeout=10)


@pytest.mark.parametrize("name", FORWARDED)
def test_what_is_called_open_of_a_container_is_what_can_be_reached(container: Inner, name: str) -> None:
    chain, expected = FORWARDED[name]
    table = f"table inet f {{\nchain onward {{\n{chain}\n}}\n}}\n" if chain else ""
    container.run("nft", "-f", "-", stdin=f"flush ruleset\n{NAT}{table}")
    facts = container.observe().facts
    client = CLIENT.replace(f"{TCP}", "(9000, 9001)").replace(f"{UDP}", "()")
    lines = container.run(sys.executable, "-c", client, str(next(SOURCES)), inside=False).splitlines()
    assert {line.split()[1] for line in lines if line.startswith("4")} == expected
    assert set(facts["container_ports"]) == expected
    assert [item.split()[0] for item in facts["published_ports"]] == ["tcp/9000", "tcp/9001"]


@pytest.mark.parametrize("name", RULESETS)
def test_a_saved_file_is_read_as_what_nft_loads_from_it(inner: Inner, name: str) -> None:
    rules, _ = RULESETS[name]
    ruleset = Ruleset()
    try:
        nft_file.parse("/f", {"/f": f"#!/usr/sbin/nft -f\nflush ruleset\n{rules}\n"}).load(ruleset)
    except NotUnderstood:
        assert name in ("dormant_table", "goto_and_return"), "flags; a name that later releases refuse"
        return
    inner.run("nft", "-f", "-", stdin=f"flush ruleset\n{rules}\n")
    facts = inner.observe().facts
    view = View(ruleset, ["docker0", "eth0"], ())
    for family in (4, 6):
        told = facts.get(f"ipv{family}_inbound")
        assert told in (view.verdict(family).answer, None)


@pytest.mark.parametrize("seed", range(4))
def test_what_nft_refuses_is_not_believed(inner: Inner, seed: int) -> None:
    """nft loads a file whole or not at all: a slip of the pen must never leave a verdict standing."""
    dice = random.Random(seed)
    refused = 0
    for name, (rules, _) in RULESETS.items():
        if not rules or name == "dormant_table":
            continue
        text = _slip(f"flush ruleset\n{rules}\n", dice)
        done = subprocess.run(
            ["ip", "netns", "exec", inner.name, "nft", "-c", "-f", "-"],
            input=text, text=True, capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        if done.returncode:
            refused += 1
            with pytest.raises(NotUnderstood):
                nft_file.parse("/f", {"/f": text}).load(Ruleset())
    assert refused > 5


SAVED = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:other - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 10.0.0.0/8 -p udp -m udp --dport 161 -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,80:90 -j other
-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A other -m limit --limit 5/min -j LOG --log-prefix "in: "
-A other -p tcp -m tcp --dport 22 -m comment --comment "ssh -j DROP" -j ACCEPT
-A other -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""


@pytest.mark.parametrize("seed", range(25))
def test_what_iptables_restore_refuses_is_not_believed(inner: Inner, seed: int) -> None:
    need_program("iptables-restore")
    text = _slip(SAVED, random.Random(seed)) if seed else SAVED
    done = subprocess.run(
        ["ip", "netns", "exec", inner.name, "iptables-restore", "--test"],
        input=text, text=True, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    if done.returncode:
        with pytest.raises(NotUnderstood):
            restore(text, 4, Ruleset(), "rules.v4")
    elif not seed:
        restore(text, 4, Ruleset(), "rules.v4")


def test_rules_that_iptables_loaded_are_read_alike_when_saved(inner: Inner) -> None:
    need_program("iptables-nft-save")
    commands, expected = IPTABLES["iptables_nft"]
    inner.run("sh", "-ec", f"nft flush ruleset\n{commands}")
    saved = inner.run("iptables-nft-save")
    inner.run("nft", "flush", "ruleset")
    ruleset = Ruleset()
    restore(saved, 4, ruleset, "rules.v4")
    assert View(ruleset, ["eth0"], ()).verdict(4).answer == expected.split()[0]


def _slip(text: str, dice: random.Random) -> str:
    """Change one word: a letter lost or doubled, the word lost or doubled, or another word in its place."""
    words = list(re.finditer(r"[A-Za-z0-9_.:/-]+", text))
    one, other = dice.choice(words), dice.choice(words)[0]
    word, at = one[0], dice.randrange(len(one[0]))
    kinds = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        "",
        f"{word} {word}",
        other,
        f"{word} {other}",
    )
    return text[: one.start()] + dice.choice(kinds) + text[one.end() :]
