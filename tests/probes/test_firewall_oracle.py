"""The packet filter's prediction against the kernel: real rulesets, real listeners, real connection attempts.

Two network namespaces are joined by a veth pair. Each ruleset is loaded into the inner one, the probe's own script runs
there, and every listener is tried from the outer one over IPv4 and IPv6. Whatever the probe calls unreachable must be.
"""

from __future__ import annotations

import itertools
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from hardencheck.collect.frame import split
from hardencheck.collect.script import build, new_nonce
from hardencheck.model.observation import Observation
from hardencheck.model.probe import Context, System
from hardencheck.probes.linux.firewall import PROBE
from tests.tools import need_program

TCP = (22, 80, 90, 443, 1500, 8080)
UDP = (53, 68, 5000)
WAIT = 0.4
#: first source ports, never used twice: an older connection is no new one
SOURCES = itertools.count(20000, 40)
ADDRESSES = {4: "10.77.91.2", 6: "fd77:91::2"}
SERVER = f"""
import select, socket, sys
sockets = []
for port in {TCP}:
    s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port)); s.listen(64); sockets.append(s)
for port in {UDP}:
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::", port)); sockets.append(s)
print("ready", flush=True)
while True:
    for s in select.select(sockets, [], [])[0]:
        if s.type == socket.SOCK_STREAM: s.accept()[0].close()
        else: s.sendto(b"pong", s.recvfrom(64)[1])
"""
CLIENT = f"""
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def reach(job):
    (kind, address, port), source = job
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout({WAIT})
        s.bind(("", source))
        try:
            s.connect((address, port))
            if kind == "udp":
                s.send(b"ping"); s.recv(64)
            return True
        except OSError:
            return False
jobs = [(k, a, p) for a in {tuple(ADDRESSES.values())} for k, ps in (("tcp", {TCP}), ("udp", {UDP})) for p in ps]
with ThreadPoolExecutor(len(jobs)) as pool:
    for (k, a, p), ok in zip(jobs, pool.map(reach, zip(jobs, range(int(sys.argv[1]), 65536)))):
        if ok: print(6 if ":" in a else 4, f"{{k}}/{{p}}")
"""


@dataclass(frozen=True)
class Inner:
    """The inner namespace, where rulesets are loaded and listeners wait; `outer` is where attempts come from."""

    name: str
    outer: str

    def run(self, *command: str, stdin: str = "", inside: bool = True) -> str:
        line = ["ip", "netns", "exec", self.name if inside else self.outer, *command]
        done = subprocess.run(line, input=stdin, text=True, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def observe(self) -> Observation:
        nonce = new_nonce()
        line = ["ip", "netns", "exec", self.name, "sh"]
        done = subprocess.run(line, input=build([PROBE]).payload(nonce), capture_output=True, timeout=60, check=True)
        capture = split(done.stdout, nonce, [PROBE]).captures[PROBE.id]
        return PROBE.parse(capture, Context(datetime.now(UTC), System(uid=0)))

    def reached(self) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {4: set(), 6: set()}
        for line in self.run(sys.executable, "-c", CLIENT, str(next(SOURCES)), inside=False).splitlines():
            family, item = line.split()
            found[int(family)].add(item)
        return found


@pytest.fixture(scope="module")
def inner() -> Iterator[Inner]:
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces")
    tag = secrets.token_hex(3)
    made = Inner(f"hcfw-{tag}-in", f"hcfw-{tag}-out")
    server = None
    try:
        try:
            for name in (made.name, made.outer):
                subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.CalledProcessError) as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"cannot make network namespaces here: {error}")
        line = [
            "ip",
            "-n",
            made.outer,
            "link",
            "add",
            "out0",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            made.name,
        ]
        subprocess.run(line, check=True, capture_output=True, timeout=10)
        for inside, device, end in ((True, "eth0", "2"), (False, "out0", "1")):
            made.run(
                "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", f"net.ipv6.conf.{device}.accept_dad=0", inside=inside
            )
            made.run("ip", "link", "set", "lo", "up", inside=inside)
            made.run("ip", "addr", "add", f"10.77.91.{end}/24", "dev", device, inside=inside)
            made.run("ip", "addr", "add", f"fd77:91::{end}/64", "dev", device, "nodad", inside=inside)
            made.run("ip", "link", "set", device, "up", inside=inside)
        command = ["ip", "netns", "exec", made.name, sys.executable, "-c", SERVER]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        yield made
    finally:
        if server is not None:
            server.kill()
            server.wait()
            assert server.stdout
            server.stdout.close()
        for name in (made.name, made.outer):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=10)


def chain(hook: str, policy: str, rules: str, more: str = "", priority: str = "0") -> str:
    """Return a table whose one base chain lets go on what has begun; `more` is what else stands in the table."""
    return (
        f"table inet filter {{\n{more}\nchain {hook} {{ type filter hook {hook} priority {priority}; policy {policy};\n"
        f"ct state established,related accept\n{rules}\n}}\n}}\n"
    )


def base(rules: str, policy: str = "drop", more: str = "", priority: str = "0") -> str:
    usual = "iif lo accept\nmeta l4proto { icmp, ipv6-icmp } accept\n"
    return chain("input", policy, usual + rules, more, priority)


RULESETS = {
    "empty": ("", "open open"),
    "policy_drop": (base("tcp dport 22 accept"), "denied denied"),
    "policy_accept_then_reject": (base("tcp dport { 22, 443 } accept\nreject", "accept"), "denied denied"),
    "policy_accept_then_reject_tcp_only": (base("tcp dport 22 accept\nmeta l4proto tcp drop", "accept"), "open open"),
    "reject_that_implies_its_family": (
        base("tcp dport 22 accept\nmeta nfproto ipv6 reject", "accept"), "open denied"),
    "tcp_reset_then_reject": (
        base("tcp dport 22 accept\nmeta l4proto tcp reject with tcp reset\nreject", "accept"), "denied denied"),
    # nft lists this reset without its `nfproto ipv4`: nobody can tell that IPv6 is open
    "tcp_reset_of_one_family": (
        base("meta nfproto ipv4 reject with tcp reset\nmeta l4proto udp drop", "accept"), "unknown unknown"),
    "state_before_tracking": (
        "table inet raw { chain pre { type filter hook prerouting priority -300; policy accept;"
        " ct state new drop; }; }",
        "unknown unknown",
    ),
    "early_accept_then_drop": (
        base("tcp dport 22 accept") + "table inet early { chain i { type filter hook input priority -10; accept; }; }",
        "denied denied",
    ),
    "blanket_accept_under_policy_drop": (base("meta l4proto tcp accept"), "open open"),
    "only_loopback_accepted": (base(""), "denied denied"),
    "empty_accept_chains": (
        "table inet filter { chain input { type filter hook input priority 0; }\n chain forward { type filter hook"
        " forward priority 0; }\n chain output { type filter hook output priority 0; }\n}",
        "open open",
    ),
    "ipv4_only": ("table ip f { chain i { type filter hook input priority 0; policy drop; tcp dport 80 accept; }; }",
                  "denied open"),
    "ipv6_only": ("table ip6 f { chain i { type filter hook input priority 0; policy drop; icmpv6 type != 0 accept;"
                  " udp dport 53 accept; }; }", "open denied"),
    "goto_and_return": (
        base("jump first\ntcp dport 80 accept\ngoto last\ntcp dport 443 accept",
             more="chain first { tcp dport 80 return; tcp dport 8080 accept; }\n"
                  "chain last { udp dport 53 accept; return; }"),
        "denied denied",
    ),
    "return_from_the_base_chain": (base("tcp dport 22 accept\nreturn\ndrop", "accept"), "open open"),
    "verdict_maps": (
        base("tcp dport vmap { 22 : accept, 80 : drop, 1000-2000 : jump web }\nudp dport vmap @waves\n"
             "tcp dport 80 accept",
             more="map waves { type inet_service : verdict; elements = { 53 : accept, 68 : drop } }\n"
                  "chain web { accept; }"),
        "denied denied",
    ),
    "verdict_map_with_default": (
        base("tcp dport vmap { 22 : jump back, 80 : accept, * : drop }\ntcp dport 22 accept\nudp dport 53 accept",
             more="chain back { tcp dport 23 accept; }"),
        "denied denied",
    ),
    "sets_and_ranges": (
        base("tcp dport @open accept\nudp dport 5000-5010 accept\ntcp dport != { 1-442, 444-65535 } accept",
             more="set open { type inet_service; flags interval; elements = { 22, 80-90 } }"),
        "denied denied",
    ),
    "most_ports": (base("tcp dport != { 80, 443 } accept"), "open open"),
    "source_elsewhere": (base("ip saddr 192.0.2.0/24 accept\nip6 saddr 2001:db8::/32 accept\ntcp dport 22 accept"),
                         "denied denied"),
    "source_that_fits": (base("ip saddr 10.77.91.0/24 tcp dport 80 accept\nip6 saddr fd77:91::/64 tcp dport 90 accept"),
                         "denied denied"),
    "source_concatenated": (
        base("ip saddr . tcp dport @pairs accept",
             more="set pairs { type ipv4_addr . inet_service; elements = { 10.77.91.1 . 80, 192.0.2.1 . 90 } }"),
        "denied denied",
    ),
    "other_interface": (base('iifname "eth1" accept\niifname "eth*" tcp dport 443 accept'), "denied denied"),
    "everything_but_one_interface": (base('iifname != "lo" accept'), "open open"),
    "prerouting_drop": (
        "table inet raw { chain pre { type filter hook prerouting priority -300; policy accept;"
        " tcp dport { 80, 443 } drop; }; }",
        "open open",
    ),
    "redirect": (
        base("tcp dport 80 accept") + "table inet nat { chain pre { type nat hook prerouting priority -100;"
        " tcp dport 8080 redirect to :80; }; }",
        "denied denied",
    ),
    "redirected_only": (
        base("ct status dnat accept") + "table inet nat { chain pre { type nat hook prerouting priority -100;"
        " tcp dport 81 redirect to :80; }; }",
        "denied denied",
    ),
    "dormant_table": (
        "table inet filter { flags dormant\n chain input { type filter hook input priority 0; policy drop;\n}\n}",
        "open open",
    ),
    "docker_like": (
        base("tcp dport 22 accept") + "table ip nat { chain PREROUTING { type nat hook prerouting priority -100;"
        " fib daddr type local jump DOCKER; }\n chain DOCKER { iifname docker0 return;"
        " iifname != docker0 tcp dport 9000 dnat to 172.17.0.2:80; }\n}",
        "denied denied",
    ),
    "syn_only": (base("tcp flags & (fin|syn|rst|ack) == syn tcp dport 90 accept\ntcp flags ! syn accept"),
                 "denied denied"),
    "state_map_and_limit": (
        base("ct state vmap { invalid : drop, established : accept, related : accept }\n"
             "ct state new tcp dport 22 limit rate 50/second accept\nct state != new accept"),
        "denied denied",
    ),
    "marks": (base("meta mark 0x1 accept\nmeta mark 0 tcp dport 443 accept\nct mark and 0xff == 2 accept"),
              "denied denied"),
}  # fmt: skip

#: ports that lead to another port's listener
REDIRECTED = {"redirect": {"tcp/8080"}}


def test_listing_registers_nothing(inner: Inner) -> None:
    inner.run("nft", "flush", "ruleset")
    before = inner.run("sh", "-c", "nft list ruleset; cat /proc/net/ip_tables_names /proc/net/ip6_tables_names || true")
    inner.observe()
    after = inner.run("sh", "-c", "nft list ruleset; cat /proc/net/ip_tables_names /proc/net/ip6_tables_names || true")
    assert before == after == ""


@pytest.mark.parametrize("name", RULESETS)
def test_prediction_agrees_with_the_kernel(inner: Inner, name: str) -> None:
    rules, expected = RULESETS[name]
    inner.run("nft", "-f", "-", stdin=f"flush ruleset\n{rules}\n")
    _compare(inner, name, expected)


def _compare(inner: Inner, name: str, expected: str) -> None:
    observation = inner.observe()
    facts = observation.facts
    told = [facts.get("ipv4_inbound", "unknown"), facts.get("ipv6_inbound", "unknown")]
    assert " ".join(told) == expected, (observation.read_from, observation.missing)
    reached = inner.reached()
    for family in (4, 6):
        predicted = {item for item in items() if covers(facts[f"ipv{family}_open_ports"], item)}
        narrower = {item for item in predicted if not covers(facts[f"ipv{family}_open_ports"], item, anywhere=True)}
        assert reached[family] <= predicted, f"IPv{family}: called closed and is open"
        assert predicted - narrower <= reached[family], f"IPv{family}: called open and is closed"
    if "unknown" in told:
        assert "reachable_listeners" in observation.missing
        return
    assert (reached[4] | reached[6]) - REDIRECTED.get(name, set()) <= set(facts["reachable_listeners"])
    assert {item.split()[0] for item in facts["published_ports"]} <= set(facts["reachable_listeners"])


IPTABLES = {
    "iptables_nft": (
        "iptables-nft -P INPUT DROP; iptables-nft -A INPUT -i lo -j ACCEPT;"
        " iptables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT;"
        " iptables-nft -A INPUT -p tcp -m multiport --dports 22,1000:2000 -j ACCEPT;"
        " iptables-nft -A INPUT -p udp -m addrtype --dst-type LOCAL -m udp --dport 53 -j ACCEPT",
        "denied open",
    ),
    "iptables_legacy_behind_nft": (
        "nft -f - <<X\ntable inet f {\nchain i { type filter hook input priority 0; policy accept; accept\n}\n}\nX\n"
        "iptables-legacy -P INPUT DROP; iptables-legacy -A INPUT -p tcp --dport 80 -j ACCEPT;"
        " iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT;"
        " ip6tables-legacy -A INPUT -p tcp --syn -j REJECT; ip6tables-legacy -A INPUT -p udp -j DROP",
        "denied denied",
    ),
    "iptables_legacy_open": ("iptables-legacy -A INPUT -p tcp --dport 80 -j DROP", "open open"),
    "iptables_both": (
        "iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT; iptables-nft -A INPUT -m state --state NEW -j REJECT;"
        " iptables-legacy -A INPUT -p tcp --dport 22 -m hashlimit --hashlimit-above 999/sec --hashlimit-name x -j DROP;"
        " ip6tables-nft -P INPUT DROP; ip6tables-nft -A INPUT -p ipv6-icmp -j ACCEPT",
        "denied denied",
    ),
}


@pytest.mark.parametrize("name", IPTABLES)
def test_prediction_agrees_with_the_kernel_for_iptables(inner: Inner, name: str) -> None:
    need_program("iptables-legacy")
    commands, expected = IPTABLES[name]
    legacy = ("iptables-legacy", "ip6tables-legacy")
    clean = "; ".join(f"{tool} -P INPUT ACCEPT; {tool} -F INPUT" for tool in legacy)
    try:
        inner.run("sh", "-ec", f"nft flush ruleset\n{commands}")
        _compare(inner, name, expected)
    finally:
        inner.run("sh", "-c", f"nft flush ruleset; {clean}")


def items() -> list[str]:
    return [f"tcp/{port}" for port in TCP] + [f"udp/{port}" for port in UDP]


def covers(open_ports: list[str], item: str, *, anywhere: bool = False) -> bool:
    """Whether a list such as `tcp/22`, `tcp/80-90 from 10.0.0.0/8`, `udp/any` holds one port."""
    protocol, port = item.split("/")
    for entry in open_ports:
        name, _, origin = entry.partition(" ")
        kind, _, numbers = name.partition("/")
        first, _, last = numbers.partition("-")
        if kind != protocol or (anywhere and origin):
            continue
        if numbers == "any" or int(first) <= int(port) <= int(last or first):
            return True
    return False
