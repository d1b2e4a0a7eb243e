"""What rsyslog's configuration sends away: languages, order, rulesets, selectors (rsyslog.conf(5), syslog.conf(5))."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.probes.linux.rsyslog import AUTH, Forward, read, selected

MAIN = "/etc/rsyslog.conf"


def forwards(text: str, **files: str) -> list[Forward]:
    return read({MAIN: text, **{f"/etc/rsyslog.d/{name}.conf": body for name, body in files.items()}}, MAIN).forwards


@pytest.mark.parametrize(
    ("selector", "through"),
    [
        ("*.*", AUTH),
        ("*.info", AUTH),
        ("*.notice", frozenset()),
        ("*.=info", AUTH),
        ("*.=err", frozenset()),
        ("*.!info", frozenset()),
        ("*.*;auth,authpriv.none", frozenset()),
        ("auth,authpriv.none;*.*", AUTH),
        ("auth,authpriv.*", AUTH),
        ("authpriv.*", {"authpriv"}),
        ("*.debug;authpriv.!=info", {"auth"}),
        ("*.*;*.none", frozenset()),
        ("mail.*", frozenset()),
        ("kern.*;AUTH.Info", {"auth"}),
    ],
)
def test_a_selector_lets_through_what_syslog_conf_says(selector: str, through: frozenset[str]) -> None:
    assert selected(selector) == through


@pytest.mark.parametrize(
    ("line", "target", "port", "transport"),
    [
        ("*.* @host", "host", "514", "udp"),
        ("*.* @@host:10514;RSYSLOG_ForwardFormat", "host", "10514", "tcp"),
        ("*.* @@(z9,o)host:1", "host", "1", "tcp"),
        ("*.* @[2001:db8::1]:99", "2001:db8::1", "99", "udp"),
        ("*.* :omrelp:host:2514", "host", "2514", "relp"),
        ("$ActionSendStreamDriverMode 1\n*.* @@host", "host", "514", "tls"),
        ('action(type="omfwd" target="host")', "host", "514", "udp"),
        ('action(type = "omfwd"\n  Target = "host" # the one\n  Port = "1" Protocol = "TCP")', "host", "1", "tcp"),
        ('*.* action(type="omrelp" target="host" port="20514" tls="on")', "host", "20514", "tls"),
        ("*.* \\\n  @@host", "host", "514", "tcp"),
        ("mail.* /var/log/mail\n*.* {\n  @@host\n}", "host", "514", "tcp"),
    ],
)
def test_every_way_to_write_a_forward_is_read(line: str, target: str, port: str, transport: str) -> None:
    (found,) = forwards(line + "\n")
    assert (found.target, found.port, found.transport) == (target, port, transport)
    assert found.facilities == AUTH
    assert not found.conditional
    assert not found.unreached


def test_includes_are_read_where_they_stand() -> None:
    text = "$IncludeConfig /etc/rsyslog.d/*.conf\n*.* @@late\n"
    assert [(one.target, bool(one.unreached)) for one in forwards(text, b="*.* stop", a="*.* @@early")] == [
        ("early", False),
        ("late", True),
    ]


def test_what_a_filter_stops_does_not_end_the_way_of_the_rest() -> None:
    text = ":msg, contains, \"a }{ then @@x\" stop\nif $msg contains 'stop' then { stop }\n*.* @@host\n"
    (found,) = forwards(text)
    assert found.facilities == AUTH


def test_a_ruleset_counts_where_it_is_called() -> None:
    ruleset = 'ruleset(name="out") { *.* @@host\n}\n'
    assert forwards(ruleset)[0].unreached
    assert not forwards(ruleset + "*.* call out\n")[0].unreached
    assert forwards(ruleset + "mail.* call out\n")[0].facilities == frozenset()
    assert forwards(ruleset + "if $msg == 'x' then call out\n")[0].conditional


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    read({MAIN: text}, MAIN)


@given(
    st.lists(
        st.sampled_from(
            ["*.* @@h\n", "#", "/*", "*/", "{", "}", "if ", "then ", 'action(type="omfwd" ', ")", '"', "stop\n"]
        )
    )
)
def test_no_mixture_of_its_own_words_breaks_it(words: list[str]) -> None:
    read({MAIN: "".join(words)}, MAIN)


@given(st.integers(min_value=0, max_value=3))
def test_a_comment_forwards_nothing(depth: int) -> None:
    line = "*.* @@host\n"
    assert forwards(line)
    assert not forwards("#" * (depth + 1) + line)
    assert not forwards(f"/* {line} */\n")
