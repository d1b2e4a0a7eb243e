"""Rules of the Windows firewall: what is written is read, and what is not understood is never taken for harmless."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.probes.windows.firewall_grammar import (
    ANY_PROTOCOL,
    PROFILES,
    FirewallRule,
    RuleUnreadable,
    read_rule,
)

ports = st.integers(0, 65535)
words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)
names = st.text(st.characters(exclude_characters="|", exclude_categories=["C"]), max_size=30)


def texts(*fields: str) -> str:
    return "|".join(("v2.33", "Action=Allow", "Active=TRUE", "Dir=In", *fields, ""))


@given(
    st.sampled_from(["Allow", "Block", "ByPass"]),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from(PROFILES)),
    st.integers(0, 256),
    names,
    st.randoms(use_true_random=False),
)
def test_what_is_written_is_read_in_any_order(
    action: str, active: bool, inbound: bool, profiles: set[str], protocol: int, name: str, random: object
) -> None:
    fields = [f"Action={action}", f"Active={str(active).upper()}", f"Dir={'In' if inbound else 'Out'}"]
    fields += [f"Profile={profile.title()}" for profile in sorted(profiles)]
    fields += [f"Protocol={protocol}", f"Name={name}"]
    random.shuffle(fields)  # type: ignore[attr-defined]
    rule = read_rule("|".join(["v2.31", *fields, ""]))
    assert (rule.action, rule.active, rule.inbound) == (action.lower(), active, inbound)
    assert rule.profiles == (profiles or set(PROFILES))
    assert rule.protocol == protocol
    assert rule.label == name.strip()
    assert rule.everybody
    assert not rule.uncertain


@given(st.lists(st.tuples(ports, ports), min_size=1, max_size=5), ports)
def test_ports_cover_what_their_ranges_hold(spans: list[tuple[int, int]], port: int) -> None:
    ranges = [(min(span), max(span)) for span in spans]
    rule = read_rule(texts("Protocol=6", *(f"LPort2_10={low}-{high}" for low, high in ranges)))
    assert rule.covers(port) == any(low <= port <= high for low, high in ranges)


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_network_is_everybody_only_when_it_is_most_of_the_internet(number: int, length: int) -> None:
    network = ipaddress.ip_network((number, length), strict=False)
    for value in (str(network), f"{network[0]}/{network.netmask}", f"{network[0]}-{network[-1]}"):
        assert read_rule(texts(f"RA4={value}")).everybody == (length == 0)


def test_two_halves_of_the_internet_are_everybody() -> None:
    assert read_rule(texts("RA4=0.0.0.0/128.0.0.0", "RA4=128.0.0.0-255.255.255.255")).everybody


@given(words)
def test_a_field_that_is_not_known_makes_a_rule_uncertain(name: str) -> None:
    rule = read_rule(texts(f"New{name}=1"))
    assert rule.uncertain == {f"new{name}".lower()}


@given(words)
def test_a_word_for_senders_is_few_only_when_it_is_known(word: str) -> None:
    try:
        rule = read_rule(texts(f"RA42={word}"))
    except RuleUnreadable:
        return  # a number is an address or none
    known = word.lower() in ("localsubnet", "dns", "dhcp", "wins", "defaultgateway", "intranet", "rmtintranet")
    assert known or rule.everybody


@given(st.text(max_size=200) | st.lists(names, max_size=8).map(lambda parts: "v2.31|" + "|".join(parts)))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = read_rule(text)
    except RuleUnreadable:
        return
    assert isinstance(rule, FirewallRule)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Action=Allow|Active=TRUE|Dir=In|",
        "v2.31|Active=TRUE|Dir=In|",
        texts("Active=FALSE"),
        texts("Profile=Office"),
        texts("Protocol=257"),
        texts("Protocol=tcp"),
        texts("LPort=70000"),
        texts("LPort2_10=9-1"),
        texts("RA4=300.1.1.1"),
        texts("RA4=10.0.0.9-10.0.0.1"),
        texts("nothing"),
        texts("App=C:\\a.exe", "App=C:\\b.exe"),
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(RuleUnreadable):
        read_rule(text)


@pytest.mark.parametrize(
    ("field", "everybody"),
    [
        ("RA4=LocalSubnet", False),
        ("RA42=IntErnet", True),
        ("RA42=Intrnet", True),
        ("RA6=fe80::/64", False),
        ("RA6=::/0", True),
        ("RA4=0.0.0.0/0.0.0.0", True),
        ("LA4=127.0.0.1", False),
        ("LA4=10.1.1.1", True),
        ("IFType=Wireless", True),
    ],
)
def test_who_may_come(field: str, everybody: bool) -> None:
    assert read_rule(texts(field)).everybody is everybody


@pytest.mark.parametrize(
    "field",
    ["Security=Authenticate", "Security2_9=AuthNoEncap", "LUOwn=S-1-1-0", "RUAuth=O:LSD:", "PFN=a_cw5n1h2txyewy"],
)
def test_some_users_and_machines_are_not_everybody(field: str) -> None:
    assert read_rule(texts(field)).narrowed


def test_a_rule_without_protocol_and_ports_is_about_everything() -> None:
    rule = read_rule(texts("Svc=*"))
    assert (rule.protocol, rule.ports, rule.service) == (ANY_PROTOCOL, None, "")
    assert rule.speaks(6)
    assert rule.covers(3389)


def test_a_rule_that_does_not_say_that_it_is_active_is_not() -> None:
    assert not read_rule("v2.31|Action=Allow|Dir=In|").active


@pytest.mark.parametrize(
    ("fields", "nearly"),
    [
        ([], True),
        (["Protocol=6", "LPort2_10=0-65535"], True),
        (["Protocol=6", "LPort2_10=1-65535"], True),
        (["Protocol=6", "LPort2_10=1024-65535"], True),
        (["Protocol=6", "LPort2_10=1-30000", "LPort2_10=20000-65535"], True),
        (["Protocol=6", "LPort2_10=1-30000", "LPort2_10=1-30000", "LPort2_10=1-30000"], False),
        (["Protocol=17", "LPort2_10=10000-60000"], False),
        (["Protocol=6", "LPort=RPC"], False),
        (["Protocol=6", "LPort=RPC", "LPort2_10=0-65535"], True),
    ],
)
def test_nearly_every_port_is_every_port(fields: list[str], nearly: bool) -> None:
    assert read_rule(texts(*fields)).nearly_every_port is nearly


@pytest.mark.parametrize(
    "field",
    ["RA4=0.0.0.0-127.255.255.255", "RA4=LocalSubnet", "LA4=10.1.1.1", "RPort=80", "IFType=Wireless", "IF={1}",
     "SkipVer=2.0", "Platform=2:6:1", "LUOwn=S-1-5-21-1", "Security=Authenticate", "NewField=1"],
)  # fmt: skip
def test_what_limits_a_rule_in_any_way_makes_it_no_block_for_all(field: str) -> None:
    assert not read_rule(texts("Protocol=6", "LPort=3389", field)).unlimited
    assert read_rule(texts("Protocol=6", "LPort=3389", "Name=x", "Profile=Public")).unlimited


@pytest.mark.parametrize("field", ["PFN=", "LUOwn=", "Security=", "AppPkgId="])
def test_nobody_named_is_not_somebody(field: str) -> None:
    rule = read_rule(texts(field))
    assert not rule.narrowed
    assert rule.uncertain
