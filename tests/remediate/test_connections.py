"""OpenSSH trusts whom a sweep trusts and shows what a sweep shows: the logs of real sshds tell what they saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hardencheck.errors import TransportError
from hardencheck.model.host import Host, Jump, Secret
from hardencheck.remediate.connections import Connections
from hardencheck.remediate.environment import furnish
from hardencheck.remediate.private import create, remove
from hardencheck.remediate.ssh_config import Trust
from hardencheck.transport.guard import CredentialGuard
from tests.transport.conftest import Serve, key, serve
from tests.transport.sshd import Sshd, keygen, public
from tests.transport.test_ssh_trust import certify

__all__ = ["key", "serve"]

Try = Callable[[Host], TransportError | None]


@pytest.fixture
def tried(tmp_path: Path) -> Iterator[Try]:
    """Connect to a host and return why it was not possible, None when it was."""
    folder = create()
    found = Connections(Trust(folder, tmp_path / "pins"), furnish(folder), CredentialGuard())

    def connect(host: Host) -> TransportError | None:
        found.open({"h0": host})
        return found.failures.pop("h0", None)

    try:
        yield connect
    finally:
        found.close()
        remove(folder)


def at(server: Sshd, known: str, key: Path, **more: object) -> Host:
    path = server.folder / "known_hosts"
    path.write_text(known)
    settings = {"user": "root", "key_file": str(key), "known_hosts": (str(path),)}
    return Host("desk", "127.0.0.1", server.port, **settings | more)  # type: ignore[arg-type]


def unasked(server: Sshd) -> bool:
    """Whether nobody has tried to log in to the server."""
    return not [sign for sign in ("userauth", "Failed", "Accepted", "Invalid user") if sign in server.log]


def test_a_pinned_key(serve: Serve, key: Path, tried: Try, tmp_path: Path) -> None:
    server = serve()
    assert tried(at(server, server.known, key)) is None
    (tmp_path / "pins").write_text(server.known)
    assert tried(at(server, "", key)) is None, "hardencheck's own file counts too"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "host_key_unknown"),
        ("127.0.0.1 {own}", "host_key_unknown"),  # ssh by itself would take a key of the standard port
        ("[127.0.0.1]:{port} {other}", "host_key_changed"),
        ("@revoked * {own}\n[127.0.0.1]:{port} {own}", "host_key"),
        ("@cert-authority * {own}", "host_key"),
    ],
)
def test_who_is_not_vouched_for_sees_no_login(
    serve: Serve, key: Path, tried: Try, tmp_path: Path, line: str, reason: str
) -> None:
    server = serve()
    other = keygen(tmp_path / "other", "-t", "ed25519")
    known = line.format(own=public(server.host_keys[0]), other=public(other), port=server.port)
    error = tried(at(server, known + "\n", key, password=Secret("secret")))
    assert error is not None
    assert error.reason.startswith(reason)
    assert unasked(server)


def test_a_host_certificate(serve: Serve, key: Path, tried: Try, tmp_path: Path) -> None:
    authority, own = keygen(tmp_path / "ca", "-t", "ed25519"), keygen(tmp_path / "host", "-t", "ed25519")
    server = serve(certify(authority, own, "-h", "-n", "desk1,127.0.0.1", "-V", "-1h:+1h"), host_keys=[own])
    assert tried(at(server, f"@cert-authority [127.0.0.*]:* {public(authority)}\n", key)) is None
    server = serve(certify(authority, own, "-h", "-n", "desk1", "-V", "-1h:+1h"), host_keys=[own])
    assert tried(at(server, f"@cert-authority * {public(authority)}\n", key)) is not None
    assert unasked(server)


def test_every_hop_is_verified_and_no_hop_sees_the_hosts_password(serve: Serve, key: Path, tried: Try) -> None:
    first, second, server = serve(), serve("PasswordAuthentication yes"), serve()
    hops = (Jump("127.0.0.1", first.port, "root"), Jump("127.0.0.1", second.port, "root"))
    known = first.known + second.known + server.known
    assert tried(at(server, known, key, jumps=hops)) is None
    assert all("Accepted publickey" in each.log for each in (first, second, server))

    stranger = serve()
    hops = (hops[0], Jump("127.0.0.1", stranger.port, "root"))
    assert tried(at(server, known, key, jumps=hops)) is not None
    assert unasked(stranger)

    refuses = serve("PasswordAuthentication yes", authorized=[])
    last = (Jump("127.0.0.1", refuses.port, "root"),)
    assert tried(at(server, known + refuses.known, key, jumps=last, password=Secret("secret"))) is not None
    assert "Failed password" not in refuses.log


def test_a_password_is_shown_once(serve: Serve, key: Path, tried: Try) -> None:
    server = serve("PasswordAuthentication yes", "KbdInteractiveAuthentication yes")
    error = tried(at(server, server.known, key, key_file=None, password=Secret("not the password")))
    assert error is not None
    assert error.reason == "authentication_failed"
    assert server.log.count("Failed password") == 1


@pytest.mark.parametrize("name", ['a"b', "a\nProxyCommand=touch /tmp/x", "%h", "${HOME}"])
def test_what_ssh_would_misread_is_refused(key: Path, tried: Try, name: str) -> None:
    for setting in ({"user": name}, {"address": name}):
        error = tried(Host(**{"name": "desk", "address": "127.0.0.1", "key_file": str(key)} | setting))  # type: ignore[arg-type]
        assert error is not None
        assert error.reason == "host_settings"
