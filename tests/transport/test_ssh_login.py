"""Credentials against a real sshd: what is offered, how often, and what the errors say."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hardencheck.errors import AuthenticationFailed, TransportError
from hardencheck.model.host import Host
from hardencheck.transport.ssh import SshTransport
from tests.transport.conftest import PATIENT, Serve
from tests.transport.sshd import Sshd, keygen, public

HostAt = Callable[..., Host]


def refused(transport: SshTransport, host: Host) -> AuthenticationFailed:
    with pytest.raises(AuthenticationFailed) as caught:
        transport.run(host, b"true\n", PATIENT)
    return caught.value


def attempts(server: Sshd) -> int:
    """Count the requests for authentication that the server saw."""
    return server.log.count("userauth-request for user")


@pytest.mark.parametrize(
    "options",
    [("-t", "ed25519"), ("-t", "ecdsa", "-b", "384"), ("-t", "rsa", "-b", "2048"), ("-t", "rsa", "-m", "PEM")],
)
def test_every_kind_of_key_logs_in(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path, options: tuple[str, ...]
) -> None:
    key = keygen(tmp_path / "id", *options)
    server = serve(authorized=[public(key)])
    assert transport.run(host_at(server, key_file=str(key)), b"echo in\n", PATIENT).stdout == b"in\n"
    assert attempts(server) == 1


def test_wrong_key_is_offered_once(serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path) -> None:
    wrong = keygen(tmp_path / "wrong", "-t", "ed25519")
    server = serve()
    error = refused(transport, host_at(server, key_file=str(wrong)))
    assert error.reason == "authentication_failed"
    assert str(wrong) in error.message
    assert attempts(server) == 1


def test_certificate_beside_the_key(serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path) -> None:
    authority, key = keygen(tmp_path / "ca", "-t", "ed25519"), keygen(tmp_path / "id", "-t", "ed25519")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "scan", "-n", "root", f"{key}.pub"], check=True, timeout=60
    )
    server = serve(f"TrustedUserCAKeys {authority}.pub", authorized=[])
    assert transport.run(host_at(server, key_file=str(key)), b"echo in\n", PATIENT).stdout == b"in\n"
    assert attempts(server) == 1


def test_key_counts_when_its_certificate_does_not(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path
) -> None:
    authority, key = keygen(tmp_path / "ca", "-t", "ed25519"), keygen(tmp_path / "id", "-t", "ed25519")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "scan", "-n", "root", f"{key}.pub"], check=True, timeout=60
    )
    server = serve(authorized=[public(key)])
    assert transport.run(host_at(server, key_file=str(key)), b"echo in\n", PATIENT).stdout == b"in\n"


@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
def test_encrypted_key_wants_an_agent(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    locked = tmp_path / "locked"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "rsa", "-m", form, "-N", "open sesame", "-f", str(locked)], check=True, timeout=60
    )
    server = serve()
    error = refused(transport, host_at(server, key_file=str(locked)))
    assert error.reason == "key_needs_passphrase"
    assert "ssh-add" in str(error.hint)
    assert attempts(server) == 0


@pytest.mark.parametrize("content", [None, b"", b"not a key\n", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_unusable_key_file(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "broken"
    if content is not None:
        path.write_bytes(content)
    error = refused(transport, host_at(serve(), key_file=str(path)))
    assert error.reason == "key_unreadable"
    assert str(path) in error.message


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A real ssh-agent without keys; the default keys are out of the way."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("needs ssh-agent")
    socket_path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    try:
        yield socket_path
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def add(agent: Path, key: Path, answer: str = "", options: tuple[str, ...] = ()) -> None:
    """Load a key into the agent, typing its passphrase."""
    ask = agent.parent / "ask"
    ask.write_text(f"#!/bin/sh\necho '{answer}'\n")
    ask.chmod(0o700)
    environment = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(
        ["ssh-add", "-q", *options, str(key)], check=True, timeout=60, env=environment, stdin=subprocess.DEVNULL
    )


def test_agent_key(serve: Serve, transport: SshTransport, host_at: HostAt, agent: Path, key: Path) -> None:
    add(agent, key)
    server = serve()
    host = host_at(server, key_file=None)
    assert transport.run(host, b"echo $SSH_AUTH_SOCK\n", PATIENT).stdout == b"\n"
    assert attempts(server) == 1
    assert "agent forwarding" not in server.log.lower().replace("agent-forwarding", "").replace("permit agent", "")


def test_encrypted_key_through_the_agent(
    serve: Serve, transport: SshTransport, host_at: HostAt, agent: Path, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", str(locked)], check=True, timeout=60
    )
    add(agent, locked, "open sesame")
    server = serve(authorized=[public(locked)])
    assert transport.run(host_at(server, key_file=str(locked)), b"echo in\n", PATIENT).stdout == b"in\n"
    assert attempts(server) == 1


def test_full_agent_does_not_use_up_the_tries(
    serve: Serve, transport: SshTransport, host_at: HostAt, agent: Path, tmp_path: Path
) -> None:
    for number in range(8):
        add(agent, keygen(tmp_path / f"other{number}", "-t", "ed25519"))
    server = serve()
    assert refused(transport, host_at(server, key_file=None)).reason == "authentication_failed"
    assert attempts(server) == 3


def test_named_key_keeps_the_agent_out(
    serve: Serve, transport: SshTransport, host_at: HostAt, agent: Path, tmp_path: Path
) -> None:
    add(agent, keygen(tmp_path / "other", "-t", "ed25519"))
    server = serve()
    transport.run(host_at(server), b"true\n", PATIENT)
    assert attempts(server) == 1


def test_agent_that_does_not_sign(
    serve: Serve, transport: SshTransport, host_at: HostAt, agent: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(agent, key, options=("-c",))  # asks its user for every signature
    server = serve()
    assert refused(transport, host_at(server, key_file=None)).reason == "agent_failed"


def test_agent_that_is_gone(
    serve: Serve, transport: SshTransport, host_at: HostAt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert refused(transport, host_at(serve(), key_file=None)).reason == "no_credential"


def test_default_key(
    serve: Serve, transport: SshTransport, host_at: HostAt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    key = keygen(tmp_path / ".ssh/id_ed25519", "-t", "ed25519")
    server = serve(authorized=[public(key)])
    assert transport.run(host_at(server, key_file=None), b"echo in\n", PATIENT).stdout == b"in\n"


def test_second_factor_after_the_key(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    # the first line for a keyword counts in sshd_config: this one stands before the harness's own
    server = serve("KbdInteractiveAuthentication yes", "AuthenticationMethods publickey,keyboard-interactive")
    error = refused(transport, host_at(server))
    assert error.reason == "second_factor_required"
    assert attempts(server) == 1


def test_closed_for_too_many_failures(
    serve: Serve, transport: SshTransport, host_at: HostAt, agent: Path, tmp_path: Path
) -> None:
    for number in range(3):
        add(agent, keygen(tmp_path / f"other{number}", "-t", "ed25519"))
    with pytest.raises(TransportError) as caught:
        transport.run(host_at(serve("MaxAuthTries 2"), key_file=None), b"true\n", PATIENT)
    assert caught.value.reason == "authentication_failed"
