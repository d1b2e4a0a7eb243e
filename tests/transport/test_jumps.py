"""ProxyJump through real sshds: every hop is verified and authenticated, and shared between hosts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from hardencheck.errors import AuthenticationFailed, HostKeyRejected, TransportError, Unreachable
from hardencheck.model.capture import Ended, Limits
from hardencheck.model.host import Host, Jump, Secret
from hardencheck.transport.ssh import SshTransport
from tests.transport.conftest import PATIENT, Serve
from tests.transport.sshd import Sshd, free_port, keygen

HostAt = Callable[..., Host]


def behind(host_at: HostAt, server: Sshd, *hops: Sshd, **settings: object) -> Host:
    known = server.known + "".join(hop.known for hop in hops)
    jumps = tuple(Jump("127.0.0.1", hop.port) for hop in hops)
    return host_at(server, known, **{"jumps": jumps, **settings})


def test_two_hops(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    first, second, server = serve(), serve(), serve()
    host = behind(host_at, server, first, second)
    assert transport.run(host, b"echo in\n", PATIENT).stdout == b"in\n"
    assert transport.run(host, b"head -c 3000000 /dev/zero\n", PATIENT).stdout == bytes(3_000_000)


def test_many_hosts_share_one_connection_to_the_jump_host(
    serve: Serve, transport: SshTransport, host_at: HostAt
) -> None:
    bastion, server = serve("MaxStartups 2:100:2"), serve("MaxStartups 100")
    host = behind(host_at, server, bastion)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: transport.run(host, f"echo {n}\n".encode(), PATIENT), range(24)))
    assert [int(answer.stdout) for answer in answers] == list(range(24))
    assert bastion.log.count("Accepted publickey") == 1


def test_limits_hold_behind_a_jump_host(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    bastion = serve()
    slow = behind(host_at, serve("ForceCommand sleep 60"), bastion)
    flood = behind(host_at, serve("ForceCommand cat /dev/zero"), bastion)
    assert transport.run(slow, b"true\n", Limits(3, 3)).ended in (Ended.DEADLINE, Ended.IDLE)
    assert transport.run(flood, b"true\n", Limits(60, 50, 100_000)).ended is Ended.FLOOD


def test_unknown_jump_host_gets_no_credential(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    bastion, server = serve(), serve()
    host = host_at(server, server.known, jumps=(Jump("127.0.0.1", bastion.port),))
    for _ in range(3):
        with pytest.raises(HostKeyRejected, match=r"jump host 127\.0\.0\.1: ") as caught:
            transport.run(host, b"true\n", PATIENT)
        assert caught.value.reason == "host_key_unknown"
    assert "userauth" not in bastion.log
    assert bastion.log.count("Connection from") == 1, "a rejected jump host is not asked again"


def test_target_behind_a_good_jump_host_is_verified(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    bastion, server = serve(), serve()
    host = host_at(server, bastion.known, jumps=(Jump("127.0.0.1", bastion.port),))
    with pytest.raises(HostKeyRejected):
        transport.run(host, b"true\n", PATIENT)
    assert "userauth" not in server.log


def test_wrong_key_is_tried_once_for_all_hosts(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path
) -> None:
    bastion, server = serve(authorized=[]), serve()
    host = behind(host_at, server, bastion)
    for _ in range(5):
        with pytest.raises(AuthenticationFailed):
            transport.run(host, b"true\n", PATIENT)
    assert bastion.log.count("userauth-request for user") == 1


def test_password_of_the_target_is_not_shown_to_the_jump_host(
    serve: Serve,
    transport: SshTransport,
    host_at: HostAt,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    bastion, server = serve("PasswordAuthentication yes"), serve()
    host = behind(host_at, server, bastion, key_file=None, password=Secret("s3cret"))
    with pytest.raises(AuthenticationFailed) as caught:
        transport.run(host, b"true\n", PATIENT)
    assert caught.value.reason == "no_credential"
    assert "userauth-request" not in bastion.log


@pytest.mark.parametrize("setting", ["AllowTcpForwarding no", "AllowTcpForwarding yes"])
def test_jump_host_that_does_not_connect_further(
    serve: Serve, transport: SshTransport, host_at: HostAt, setting: str
) -> None:
    bastion, server = serve(setting), serve()
    host = behind(host_at, server, bastion)
    server.stop()
    with pytest.raises(Unreachable) as caught:
        transport.run(host, b"true\n", PATIENT)
    assert caught.value.reason == "jump_refused"


def test_jump_host_that_comes_back_is_used_again(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    bastion, server = serve(), serve()
    host = behind(host_at, server, bastion)
    assert transport.run(host, b"echo in\n", PATIENT).stdout == b"in\n"
    bastion.stop()
    bastion.start()
    with suppress(TransportError):  # the loss may be noticed by whoever asks next
        transport.run(host, b"true\n", PATIENT)
    assert transport.run(host, b"echo in\n", PATIENT).stdout == b"in\n"


def test_jump_host_that_is_down(transport: SshTransport) -> None:
    host = Host("far", "127.0.0.1", 22, jumps=(Jump("127.0.0.1", free_port()),), known_hosts=("/dev/null",))
    with pytest.raises(Unreachable, match="jump host") as caught:
        transport.run(host, b"true\n", PATIENT)
    assert caught.value.reason == "connection_refused"


def test_key_of_a_host_behind_a_jump_host(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path
) -> None:
    bastion, server = serve(), serve(host_keys=[keygen(tmp_path / "far", "-t", "ed25519")])
    host = host_at(server, bastion.known, jumps=(Jump("127.0.0.1", bastion.port),))
    shown = transport.fetch_host_key(host, PATIENT)
    assert f"{shown.key_type} {shown.base64}" in server.known
    assert "userauth" not in server.log
