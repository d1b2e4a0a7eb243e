"""Who is let in, how often a password is shown, and what nobody gets to see."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from hardencheck.errors import AuthenticationFailed, CredentialSuspended, HostKeyRejected, TransportError, Unreachable
from hardencheck.model.capture import Ended, Limits
from hardencheck.model.host import Host, Secret, WinRmLogin
from hardencheck.transport import winrm_login
from hardencheck.transport.winrm import WinRmTransport
from tests.transport.conftest import PATIENT
from tests.transport.sshd import free_port
from tests.winlab.certificates import Pair
from tests.winlab.lab import PASSWORD, PRINCIPAL, USER, Lab


def reason_of(winrm: WinRmTransport, host: Host, limits: Limits = PATIENT) -> str:
    """Run a script on a host that must not take it, and return why not; the error has something to do about it."""
    with pytest.raises(TransportError) as caught:
        winrm.run(host, b"script", limits)
    assert caught.value.hint
    return caught.value.reason


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("user", [USER, "LAB\\nobody"])
def test_a_refused_password_is_shown_once(lab: Lab, winrm: WinRmTransport, tls: bool, user: str) -> None:
    server = lab.serve(tls=tls)

    assert reason_of(winrm, lab.host(server, user=user, password=Secret("wrong"))) == "authentication_failed"

    assert (lab.domain.attempts, lab.domain.accepted.total(), server.connections) == (1, 0, 1)
    assert not server.actions


def test_two_refusals_suspend_the_account_for_all_hosts(lab: Lab, winrm: WinRmTransport) -> None:
    servers = [lab.serve() for _ in range(4)]
    reasons = []
    for number, server in enumerate(servers):
        host = lab.host(server, name=f"desk{number}", password=Secret("wrong"))
        reasons.append(reason_of(winrm, host))

    assert reasons == ["authentication_failed"] * 2 + ["credential_suspended"] * 2
    assert lab.domain.attempts == 2
    assert [server.logins.total() for server in servers] == [1, 1, 0, 0]


def test_two_hundred_hosts_and_a_wrong_password(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve()
    found: list[TransportError] = []

    def ask(number: int) -> None:
        try:
            winrm.run(lab.host(server, name=f"desk{number}", password=Secret("wrong")), b"x", PATIENT)
        except TransportError as error:
            found.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(found) == 200
    assert sum(isinstance(error, CredentialSuspended) for error in found) == 198
    assert lab.domain.attempts == 2


def test_the_password_is_in_no_error(lab: Lab, winrm: WinRmTransport) -> None:
    secret = "sEcReT-4711"
    hosts = [lab.host(lab.serve(), password=Secret(secret)), lab.host(lab.serve(tls=True), password=Secret(secret))]
    hosts.append(replace(hosts[0], port=free_port()))
    for number, host in enumerate(hosts):
        with pytest.raises(TransportError) as caught:
            winrm.run(replace(host, name=f"desk{number}"), b"x", PATIENT)
        told = "".join(traceback.format_exception(caught.value))
        assert secret not in told + repr(caught.value.__dict__)


@pytest.mark.parametrize("schemes", [("basic",), (), ("certificate",)])
@pytest.mark.parametrize("tls", [False, True])
def test_a_host_that_wants_another_login_sees_no_credential(
    lab: Lab, winrm: WinRmTransport, schemes: tuple[str, ...], tls: bool
) -> None:
    server = lab.serve(tls=tls, schemes=schemes)

    assert reason_of(winrm, lab.host(server)) == "authentication_not_offered"

    assert not any("authorization" in post for post in server.posts)
    assert lab.domain.attempts == 0


def test_basic_is_not_answered_even_beside_ntlm(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve(tls=True, schemes=("basic", "negotiate"))

    assert winrm.run(lab.host(server), b"in", PATIENT).stdout == b"in"
    assert not any(post.get("authorization", "").startswith("Basic") for post in server.posts)


@pytest.mark.parametrize(
    "change", [{"password": None}, {"user": None}, {"user": ""}], ids=["no password", "no user", "empty user"]
)
def test_without_an_account_nothing_is_connected(lab: Lab, winrm: WinRmTransport, change: dict[str, None]) -> None:
    server = lab.serve()

    assert reason_of(winrm, lab.host(server, **change)) == "no_credential"
    assert server.connections == 0


def test_ntlm_stands_in_for_kerberos_where_nobody_asked_for_it(
    lab: Lab, winrm: WinRmTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winrm_login, "HAVE_KERBEROS", False)
    server = lab.serve(tls=True)

    assert winrm.run(lab.host(server, user=PRINCIPAL), b"in", PATIENT).stdout == b"in"


def test_nothing_is_logged(lab: Lab, winrm: WinRmTransport, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = lab.serve(tls=True)

    winrm.run(lab.host(server), b"in", PATIENT)
    assert reason_of(winrm, lab.host(server, password=Secret("wrong"))) == "authentication_failed"

    assert caplog.records == []


def test_an_account_of_one_host_is_counted_by_its_password(lab: Lab, winrm: WinRmTransport) -> None:
    """Local accounts of one name may differ; those of a domain may not."""
    for number in range(3):
        server = lab.serve()
        host = lab.host(server, name=f"desk{number}", user=".\\local", password=Secret(f"wrong {number}"))
        assert reason_of(winrm, host) == "authentication_failed"


def test_kerberos_that_is_not_installed_is_said(
    lab: Lab, winrm: WinRmTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winrm_login, "HAVE_KERBEROS", False)
    server = lab.serve()

    host = lab.host(server, user="audit@LAB.EXAMPLE", login=WinRmLogin.KERBEROS)

    with pytest.raises(AuthenticationFailed) as caught:
        winrm.run(host, b"x", PATIENT)
    assert caught.value.reason == "kerberos_not_installed"
    assert "hardencheck[kerberos]" in (caught.value.hint or "")
    assert server.connections == 0


def test_a_login_over_tls_is_bound_to_the_connection(
    lab: Lab, winrm: WinRmTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody in between, with a certificate that we trust, passes everything on: the real host notices."""
    server = lab.serve(tls=True)
    other = lab.serve(tls=True)
    server.bindings = other.bindings

    assert reason_of(winrm, lab.host(server)) == "authentication_failed"
    assert lab.domain.accepted.total() == 0


@pytest.mark.parametrize(
    ("name", "days", "reason"),
    [("127.0.0.1", -1, "certificate_expired"), ("other.example", 10, "certificate_wrong_name")],
)
def test_a_bad_certificate_ends_everything(lab: Lab, winrm: WinRmTransport, name: str, days: int, reason: str) -> None:
    server = lab.serve(pair=lab.authority.issue(name, days))

    with pytest.raises(HostKeyRejected) as caught:
        winrm.run(lab.host(server), b"x", PATIENT)

    assert caught.value.reason == reason
    assert (server.posts, lab.domain.attempts) == ([], 0)


@pytest.mark.parametrize("ca", [None, "another"])
def test_an_unknown_authority(lab: Lab, winrm: WinRmTransport, tmp_path: Path, ca: str | None) -> None:
    server = lab.serve(tls=True)
    path = None if ca is None else str(lab.another_authority().path)

    with pytest.raises(HostKeyRejected) as caught:
        winrm.run(lab.host(server, ca=path), b"x", PATIENT)

    assert caught.value.reason == "certificate_untrusted"
    assert "ansible_winrm_ca_trust_path" in (caught.value.hint or "")
    assert (server.posts, lab.domain.attempts) == ([], 0)


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_unusable_authority_file(lab: Lab, winrm: WinRmTransport, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_text(content)
    server = lab.serve(tls=True)

    assert reason_of(winrm, lab.host(server, ca=str(path))) == "certificate_authority_unreadable"
    assert server.posts == []


def test_a_client_certificate_logs_in_without_a_password(lab: Lab, winrm: WinRmTransport) -> None:
    pair = lab.authority.issue("audit@lab.example", client=True)
    accounts = {"audit@lab.example": "LAB\\audit"}
    ca = str(lab.authority.path)
    server = lab.serve(tls=True, schemes=("certificate",), client_ca=ca, client_accounts=accounts)

    def host(shown: Pair) -> Host:
        files = {"certificate": str(shown.certificate), "certificate_key": str(shown.key)}
        return lab.host(server, login=WinRmLogin.CERTIFICATE, user=None, password=None, **files)

    assert winrm.run(host(pair), b"in", PATIENT).stdout == b"in"
    stranger = lab.authority.issue("stranger@lab.example", client=True)
    assert reason_of(winrm, host(stranger)) == "client_certificate_refused"
    forged = lab.another_authority().issue("audit@lab.example", client=True)
    # TLS 1.3 lets the server close before its reason is read
    assert reason_of(winrm, host(forged)) in ("client_certificate_refused", "start_lost")
    assert sum(server.actions.values()) == 5


@pytest.mark.parametrize(("key", "reason"), [(None, "key_unreadable"), ("locked", "key_needs_passphrase")])
def test_an_unusable_client_certificate(
    lab: Lab, winrm: WinRmTransport, tmp_path: Path, key: str | None, reason: str
) -> None:
    pair = lab.authority.issue("audit@lab.example", client=True)
    path = tmp_path / "client.key"
    if key is not None:
        plain = load_pem_private_key(pair.key.read_bytes(), None)
        path.write_bytes(plain.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"locked")))
    server = lab.serve(tls=True)
    files = {"certificate": str(pair.certificate), "certificate_key": str(path)}

    assert reason_of(winrm, lab.host(server, login=WinRmLogin.CERTIFICATE, **files)) == reason
    assert server.posts == []


def test_redirects_are_not_followed(lab: Lab, winrm: WinRmTransport) -> None:
    goal = lab.serve()
    server = lab.serve()
    server.redirect = f"http://127.0.0.1:{goal.port}/wsman"

    assert reason_of(winrm, lab.host(server)) == "not_winrm"
    assert (goal.connections, lab.domain.attempts) == (0, 0)


def test_the_environment_changes_nothing(
    lab: Lab, winrm: WinRmTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trap = socket.create_server(("127.0.0.1", 0))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login evil password evil\n")
    (tmp_path / ".netrc").chmod(0o600)
    proxy = f"http://127.0.0.1:{trap.getsockname()[1]}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(lab.authority.path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    plain, secure = lab.serve(), lab.serve(tls=True)

    assert winrm.run(lab.host(plain), b"in", PATIENT).stdout == b"in"
    assert winrm.run(lab.host(secure), b"in", PATIENT).stdout == b"in"
    assert reason_of(winrm, lab.host(secure, ca=None)) == "certificate_untrusted"

    trap.setblocking(False)
    with pytest.raises(BlockingIOError):
        trap.accept()
    trap.close()
    assert not any(post.get("authorization", "").startswith("Basic") for post in plain.posts + secure.posts)


def test_nobody_there(winrm: WinRmTransport, lab: Lab) -> None:
    host = replace(lab.host(lab.serve()), port=free_port())

    with pytest.raises(Unreachable, match="refused") as caught:
        winrm.run(host, b"x", PATIENT)
    assert caught.value.reason == "connection_refused"
    assert "WinRM" in (caught.value.hint or "")
    assert reason_of(winrm, replace(host, address="no-such-host.invalid")) == "name_not_found"


def test_many_hosts_at_once_leave_nothing_behind(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve(tls=True)
    answers = []

    def ask(number: int) -> None:
        answers.append(winrm.run(lab.host(server, name=f"desk{number}"), str(number).encode(), PATIENT))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(int(answer.stdout) for answer in answers) == list(range(40))
    assert {answer.ended for answer in answers} == {Ended.CLOSED}
    assert (lab.domain.accepted.total(), server.shells.open) == (40, {})
    assert PASSWORD not in repr(answers)
