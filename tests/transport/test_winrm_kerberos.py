"""Kerberos on loopback: a real KDC, real kinit, real pykerberos, and a listener that accepts tickets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardencheck.errors import AuthenticationFailed, TransportError
from hardencheck.model.host import Host, Secret, WinRmLogin
from hardencheck.transport.winrm import WinRmTransport
from tests.transport.conftest import PATIENT
from tests.winlab import kdc
from tests.winlab.lab import Lab
from tests.winlab.server import WsmanServer

USER, PASSWORD = f"audit@{kdc.REALM}", "correct-horse"


@pytest.fixture
def realm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A realm that this process, too, is a part of; its folder."""
    if reason := kdc.unavailable():
        pytest.skip(reason)
    folder = tmp_path / "realm"
    folder.mkdir()
    with kdc.realm(folder, USER, PASSWORD) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("KRB5CCNAME", f"FILE:{folder}/nobody")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder


def at(lab: Lab, server: WsmanServer, **settings: object) -> Host:
    given = {"user": USER, "password": Secret(PASSWORD), "login": WinRmLogin.KERBEROS, "kerberos_name": kdc.HOST}
    return lab.host(server, **(given | settings))


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("login", [WinRmLogin.KERBEROS, WinRmLogin.NEGOTIATE])
def test_a_ticket_lets_us_in(realm: Path, lab: Lab, winrm: WinRmTransport, tls: bool, login: WinRmLogin) -> None:
    server = lab.serve(tls=tls)

    for number in range(3):
        exchange = winrm.run(at(lab, server, login=login, name=f"desk{number}"), b"script", PATIENT)
        assert exchange.stdout == b"script"

    assert lab.domain.accepted == {USER: 3}
    log = (realm / "kdc.log").read_text()
    assert log.count("ISSUE") == 2  # one ticket for the account, one for the host
    tokens = [post.get("authorization", "") for post in server.posts]
    assert not any("TlRMTVNT" in token for token in tokens)


def test_the_tickets_go_with_the_run(realm: Path, lab: Lab, winrm: WinRmTransport) -> None:
    before = os.environ["KRB5CCNAME"]
    winrm.run(at(lab, lab.serve()), b"script", PATIENT)

    (folder,) = realm.glob("hardencheck-tickets-*")
    assert folder.stat().st_mode & 0o077 == 0
    winrm.close()
    assert list(realm.glob("hardencheck-tickets-*")) == []
    assert os.environ["KRB5CCNAME"] == before


def test_a_wrong_password_is_shown_to_the_domain_twice_at_most(realm: Path, lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve()
    reasons = []
    for number in range(5):
        host = at(lab, server, name=f"desk{number}", password=Secret("wrong"))
        with pytest.raises(TransportError) as caught:
            winrm.run(host, b"script", PATIENT)
        reasons.append(caught.value.reason)
        assert "wrong" not in str(caught.value.message)

    assert reasons == ["authentication_failed"] * 2 + ["credential_suspended"] * 3
    assert (realm / "kdc.log").read_text().count("PREAUTH_FAILED") == 2
    assert lab.domain.attempts == 0


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"kerberos_name": "other.lab.example"}, "kerberos_no_spn"),
        ({"password": None}, "kerberos_no_ticket"),
        ({"user": f"nobody@{kdc.REALM}"}, "kerberos_unknown_account"),
        ({"user": "audit@ELSEWHERE.EXAMPLE"}, "kerberos_no_kdc"),
        ({"user": f"expired@{kdc.REALM}"}, "password_expired"),
        ({"user": f"locked@{kdc.REALM}"}, "authentication_failed"),
    ],
)
def test_what_kerberos_says_when_it_fails(
    realm: Path, lab: Lab, winrm: WinRmTransport, settings: dict[str, object], reason: str
) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        winrm.run(at(lab, lab.serve(), **settings), b"script", PATIENT)

    assert caught.value.reason == reason, caught.value.message
    assert caught.value.hint
    assert lab.domain.attempts == 0


def test_a_ticket_that_the_host_cannot_read(realm: Path, lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve()
    (realm / "keytab").write_bytes(b"\x05\x02")

    with pytest.raises(AuthenticationFailed) as caught:
        winrm.run(at(lab, server), b"script", PATIENT)

    assert caught.value.reason == "kerberos_ticket_refused"
