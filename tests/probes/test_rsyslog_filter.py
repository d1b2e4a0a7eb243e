"""What rsyslog's filters select and hold back; seen on Debian 12 with rsyslog 8.2302 for those of whole programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.probes.linux.rsyslog_filter import holds_back, selector


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('prifilt("auth,authpriv.*")', "auth,authpriv.*"),
        ("$syslogfacility-text == 'authpriv'", "authpriv.*"),
        ("($syslogfacility-text == 'auth' or $syslogfacility-text == 'authpriv')", "auth,authpriv.*"),
        ("$syslogfacility == 10", "authpriv.*"),
        ("$syslogfacility-text != 'auth'", ""),
        ("$syslogseverity <= 6", ""),
        ("$programname == 'sshd'", ""),
        ("", ""),
    ],
)
def test_an_expression_of_facilities_alone_is_a_selector(expression: str, found: str) -> None:
    assert selector(expression) == found


@pytest.mark.parametrize(
    ("expression", "held"),
    [
        ('$programname == "sshd"', True),
        (':programname, isequal, "sudo"', True),
        (':syslogtag, startswith, "sshd"', True),
        (":programname, contains, 's'", None),
        (':programname, startswith, "haproxy"', False),
        (':syslogtag, isequal, "[CLOUDINIT]"', False),
        (':msg,contains,"[UFW "', False),
        (':msg, contains, "session opened"', None),
        (':msg, contains, ""', None),
        (':msg, regex, "."', None),
        (':programname, !isequal, "haproxy"', None),
        ('not ($programname == "haproxy")', None),
        ('$programname == "haproxy" or $programname == "postfix"', False),
        ('$programname == "haproxy" or $programname == "sshd"', None),
        ('$fromhost-ip != "127.0.0.1"', False),
        (':fromhost-ip, !isequal, "127.0.0.1"', False),
        ('$fromhost-ip == "127.0.0.1"', True),
        ('$hostname == "desk7"', None),
        ("", None),
    ],
)
def test_only_a_plain_filter_is_said_to_hold_logins_back_or_not(expression: str, held: bool | None) -> None:
    assert holds_back(expression) is held


@given(st.text(max_size=60))
def test_any_text_is_survived(text: str) -> None:
    assert holds_back(text) in (True, False, None)
    assert isinstance(selector(text), str)
