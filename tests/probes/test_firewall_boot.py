"""What the services that start with the system would load: files of nft, iptables, ufw and firewalld."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.probes.linux import firewalld, nft_file
from hardencheck.probes.linux.boot_rules import LOADERS
from hardencheck.probes.linux.firewall_view import View
from hardencheck.probes.linux.iptables_file import restore
from hardencheck.probes.linux.nft_rule import NotUnderstood
from hardencheck.probes.linux.packet_filter import Ruleset, shown
from hardencheck.probes.output import Output, Run

OWN = (ipaddress.ip_network("192.0.2.10"),)
CHAIN = "chain input {{ type filter hook input priority filter; policy drop; iif lo accept; {} }}"


def opened(ruleset: Ruleset, protocol: str = "tcp", family: int = 4) -> list[str]:
    return shown(protocol, View(ruleset, ["eth0"], OWN).outer(family, protocol))


def nft(text: str, **files: str) -> Ruleset:
    ruleset = Ruleset()
    more = {f"/etc/{name}.nft": body for name, body in files.items()}
    nft_file.parse("/f", {"/f": text, **more}, ["/etc/*.nft"]).load(ruleset)
    return ruleset


def table(rules: str, more: str = "") -> str:
    return f"flush ruleset\ntable inet filter {{\n{more}\n{CHAIN.format(rules)}\n}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (table("tcp dport ssh accept"), ["tcp/22"]),
        (table("tcp dport { 22, 80-90 } ct state new accept"), ["tcp/22", "tcp/80-90"]),
        (table("ip saddr 10.0.0.0/8 tcp dport 443 counter accept"), ["tcp/443 from 10.0.0.0/8"]),
        ("define PORTS = { 22,\n 443 }\n" + table("tcp dport $PORTS accept"), ["tcp/22", "tcp/443"]),
        ("define A = 22\ndefine B = { $A, 80 }\n" + table("tcp dport { $B, 443 } accept"),
         ["tcp/22", "tcp/80", "tcp/443"]),
        (table("tcp dport 22 accept  # tcp dport 80 accept\n"), ["tcp/22"]),
        (table('log prefix "in; } #" level warn; tcp dport \\\n 22 accept comment "ssh"'), ["tcp/22"]),
        (table("") + "add rule inet filter input tcp dport 25 accept\n", ["tcp/25"]),
        (table("tcp dport 25 drop") + "insert rule inet filter input tcp dport 25 accept\n", ["tcp/25"]),
        (table("tcp dport 80 accept") + table("tcp dport 22 accept"), ["tcp/22"]),
        (table("") + "table inet filter { chain input { tcp dport 9 accept; }; }\n", ["tcp/9"]),
        (table("").replace("policy drop; ", ""), ["tcp/any"]),
    ],
)  # fmt: skip
def test_an_nft_file_opens_what_its_rules_say(text: str, expected: list[str]) -> None:
    assert opened(nft(text)) == expected


def test_included_files_count_and_those_that_were_not_read_do_not_pass() -> None:
    text = table("jump extra", "chain extra { }") + 'include "/etc/*.nft"\n'
    assert opened(nft(text, a="add rule inet filter extra tcp dport 80 accept\n")) == ["tcp/80"]
    for pattern in ("/etc/nft.d/*.nft", "/etc/missing.conf", "missing.conf"):
        with pytest.raises(NotUnderstood, match="was not read"):
            nft(table("") + f'include "{pattern}"\n')
    with pytest.raises(NotUnderstood):
        nft_file.parse("/f", {"/f": 'include "/f"\n'}).load(Ruleset())


@pytest.mark.parametrize(
    "text",
    [
        table("tcp dprt 22 accept"),
        table("tcp dport 65536 accept"),
        table("tcp dport $MISSING accept"),
        table("ct state establishd accept"),
        table("ip saddr 10.0.0.300 accept"),
        table("ip saddr @nobody accept"),
        table("jump nowhere"),
        table("iif eth0 accept"),
        table("tcp dport 22 udp dport 53 accept"),
        table("tcp dport 22 accept drop"),
        table("meta cgroup 7 accept"),
        table("tcp dport 22 accept").rstrip("}\n"),
        table("") + "delete table inet other\n",
        table("") + "add rule inet filter forward accept\n",
        table("").replace("inet filter", "inet table"),
        table("").replace("priority filter", "priority soon"),
        table("", "flags dormant"),
        table("", "set s { type ipv4_addr; elements = { 10.0.0.0/8 }; }"),
        "\x1b[2J" + table(""),
        table("") + "}\n",
    ],
)
def test_a_file_that_nft_refuses_or_we_do_not_know_is_not_understood(text: str) -> None:
    with pytest.raises(NotUnderstood):
        nft(text)


@given(st.text(max_size=60), st.integers(0, 400))
def test_hostile_bytes_are_never_an_error(text: str, at: int) -> None:
    whole = table("tcp dport 22 accept")
    for content in (text, whole[:at] + text + whole[at:]):
        with contextlib.suppress(NotUnderstood):
            nft(content)
    with contextlib.suppress(NotUnderstood):
        restore(f"*filter\n:INPUT DROP\n{text}\nCOMMIT\n", 4, Ruleset(), "f")
    with contextlib.suppress(NotUnderstood):
        firewalld.load(zones(public=text), [], Ruleset())


@pytest.mark.parametrize(
    "line",
    [
        "-A INPUT --jump ACCEPT",
        "-A INPUT -jACCEPT",
        "-A INPUT --protocol tcp -j ACCEPT",
        "-A INPUT -j DROP -s 10.0.0.0/8",
        "-A INPUT -j ACCEPT -m comment --comment x",
        "-I INPUT -j ACCEPT",
        "-P INPUT ACCEPT",
        "-A INPUT -m set --match-set office src -j ACCEPT",
        "-A INPUT -m conntrack --ctstate ESTABLISHD -j ACCEPT",
        "-A INPUT -j NOWHERE",
        "-A NOWHERE -j DROP",
        "-A INPUT -p tcp --dport 99999 -j ACCEPT",
        "-A INPUT -s 10.0.0.300 -j ACCEPT",
        '-A INPUT -m comment --comment "x -j ACCEPT',
        "DROP everything",
        ":INPUT REJECT",
    ],
)
def test_a_line_that_iptables_save_does_not_write_is_not_understood(line: str) -> None:
    with pytest.raises(NotUnderstood):
        restore(f"*filter\n:INPUT DROP [0:0]\n{line}\nCOMMIT\n", 4, Ruleset(), "rules.v4")


def zones(default: str = "public", **named: str) -> dict[str, str]:
    files = {f"/etc/firewalld/zones/{name}.xml": text for name, text in named.items()}
    service = '<service><port protocol="tcp" port="22"/></service>'
    mdns = '<service><port protocol="udp" port="5353"/><destination ipv4="224.0.0.251"/></service>'
    more = '<service><include service="ssh"/><port port="445" protocol="tcp"/></service>'
    return {
        "/etc/firewalld/firewalld.conf": f"# DefaultZone=trusted\nDefaultZone={default}\n",
        "/usr/lib/firewalld/services/ssh.xml": service,
        "/usr/lib/firewalld/services/mdns.xml": mdns,
        "/usr/lib/firewalld/services/files.xml": more,
        "/usr/lib/firewalld/zones/trusted.xml": '<zone target="ACCEPT"/>',
        **files,
    }


def zone(body: str, target: str = "") -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<zone{target}>{body}</zone>'


@pytest.mark.parametrize(
    ("files", "tcp", "udp"),
    [
        (zones(public=zone('<service name="ssh"/><forward/>')), ["tcp/22"], []),
        (zones(public=zone('<service name="files"/><service name="mdns"/>')), ["tcp/22", "tcp/445"],
         ["udp/5353 to 224.0.0.251"]),
        (zones(public=zone('<port port="8000-8010" protocol="tcp"/><protocol value="udp"/>')), ["tcp/8000-8010"],
         ["udp/any"]),
        (zones("trusted"), ["tcp/any"], ["udp/any"]),
        (zones(public=zone(""), trusted=zone('<interface name="eth0"/>', ' target="ACCEPT"')), ["tcp/any"],
         ["udp/any"]),
        (zones(public=zone(""), office=zone('<source address="10.0.0.0/8"/>', ' target="ACCEPT"')),
         ["tcp/any from 10.0.0.0/8"], ["udp/any from 10.0.0.0/8"]),
        (zones(public=zone('<rule family="ipv4"><source address="192.0.2.0/24"/><service name="ssh"/><accept/></rule>'
                           '<rule><port port="25" protocol="tcp"/><reject/></rule>')),
         ["tcp/22 from 192.0.2.0/24"], []),
        (zones(public=zone("<rule><accept/></rule>")), ["tcp/any"], ["udp/any"]),
        (zones(public=zone('<source-port port="53" protocol="udp"/>', ' target="DROP"')), [], ["udp/any"]),
        (zones(public=zone("", ' target="%%REJECT%%"')), [], []),
    ],
)  # fmt: skip
def test_zones_open_what_their_files_say(files: dict[str, str], tcp: list[str], udp: list[str]) -> None:
    ruleset = Ruleset()
    firewalld.load(files, [], ruleset)
    assert opened(ruleset) == tcp
    assert opened(ruleset, "udp") == udp


@pytest.mark.parametrize(
    "files",
    [
        zones("nowhere"),
        zones(public="<zone><service name='ssh'/>"),
        zones(public='<!DOCTYPE zone [<!ENTITY a "b">]><zone/>'),
        zones(public=zone('<service name="unknown"/>')),
        zones(public=zone("<something/>")),
        zones(public=zone("", ' target="MAYBE"')),
        zones(public=zone("", ' ingress-priority="-5"')),
        zones(public=zone('<source address="ten"/>')),
        {**zones(public=zone("")), "/etc/firewalld/direct.xml": "<direct><rule>-j ACCEPT</rule></direct>"},
        {**zones(public=zone("")), "/etc/firewalld/policies/in.xml":
         '<policy target="ACCEPT"><ingress-zone name="ANY"/><egress-zone name="HOST"/></policy>'},
    ],
)  # fmt: skip
def test_zones_that_are_not_clear_are_not_understood(files: dict[str, str]) -> None:
    with pytest.raises(NotUnderstood):
        firewalld.load(files, [], Ruleset())


def test_a_zone_that_a_network_connection_names_may_be_the_interfaces() -> None:
    files = zones(public=zone(""))
    ruleset = Ruleset()
    firewalld.load(files, ["trusted"], ruleset)
    assert View(ruleset, ["eth0"], ()).verdict(4).answer is None
    assert firewalld.targets(files, ["trusted"]) == {"public": "default", "trusted": "ACCEPT"}


def ufw(policy: str = "DROP", ipv6: str = "yes", enabled: str = "yes", user: str = "") -> Output:
    files = {
        "/usr/lib/systemd/system/ufw.service": "[Service]\nExecStart=/lib/ufw/ufw-init start quiet\n",
        "/etc/ufw/ufw.conf": f"ENABLED={enabled}\nLOGLEVEL=low\n",
        "/etc/default/ufw": f'IPV6={ipv6}\nDEFAULT_INPUT_POLICY="{policy}"\nIPT_MODULES=""\n',
    }
    for kind in ("", "6"):
        name = f"ufw{kind}"
        files |= {
            f"/etc/ufw/before{kind}.rules": f"*filter\n:{name}-before-input - [0:0]\n"
            f"-A {name}-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n",
            f"/etc/ufw/after{kind}.rules": f"*filter\n:{name}-after-input - [0:0]\nCOMMIT\n",
            f"/etc/ufw/user{kind}.rules": f"*filter\n:{name}-user-input - [0:0]\n### RULES ###\n"
            f"-A {name}-user-input -p tcp --dport 22 -j ACCEPT\n{user}COMMIT\n",
        }
    return Output(files=files)


@pytest.mark.parametrize(
    ("output", "ipv4", "ipv6"),
    [
        (ufw(), ["tcp/22"], ["tcp/22"]),
        (ufw("REJECT"), ["tcp/22"], ["tcp/22"]),
        (ufw("ACCEPT"), ["tcp/any"], ["tcp/any"]),
        (ufw(ipv6="no"), ["tcp/22"], []),
        (ufw(enabled="no"), ["tcp/any"], ["tcp/any"]),
    ],
    ids=["drop", "reject", "accept", "ipv4 alone", "not enabled"],
)
def test_ufw_loads_its_rules_with_its_policy(output: Output, ipv4: list[str], ipv6: list[str]) -> None:
    ruleset = LOADERS["ufw"](output).ruleset
    assert opened(ruleset) == ipv4
    assert opened(ruleset, family=6) == ipv6


def test_ufw_with_scripts_or_settings_that_are_not_plain_is_not_understood() -> None:
    script = ufw()
    script.runs["ufw_script"] = Run("/etc/ufw/before.init\n", 0)
    policy = ufw("$(cat /etc/policy)")
    for output in (script, policy, ufw("maybe")):
        with pytest.raises(NotUnderstood):
            LOADERS["ufw"](output)


@pytest.mark.parametrize(
    "unit",
    [
        "[Service]\nExecStart=/usr/local/sbin/nft-wrapper -f /etc/nftables.conf\n",
        "[Service]\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\nExecStart=/usr/sbin/nft flush ruleset\n",
        "[Service]\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\nExecStart=\n",
        "[Service]\nExecStart=/usr/sbin/nft -c -f /etc/nftables.conf\n",
    ],
)
def test_a_unit_that_starts_something_else_is_not_understood(unit: str) -> None:
    files = {"/lib/systemd/system/nftables.service": unit, "/etc/nftables.conf": table("")}
    with pytest.raises(NotUnderstood):
        LOADERS["nftables"](Output(files=files))
