"""Host keys and host certificates against a real sshd; whoever is not vouched for sees no authentication."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hardencheck.errors import HostKeyRejected
from hardencheck.model.host import Host
from hardencheck.transport.hostkeys import HostKey
from hardencheck.transport.pins import pin
from hardencheck.transport.ssh import SshTransport
from tests.transport.conftest import PATIENT, Serve
from tests.transport.sshd import Sshd, keygen, public

HostAt = Callable[..., Host]


def fingerprint(path: Path) -> str:
    shown = subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], check=True, capture_output=True, text=True, timeout=60)
    return shown.stdout.split()[1]


def refused(transport: SshTransport, host: Host, server: Sshd) -> HostKeyRejected:
    """Ask the host, see it rejected, and see that it was not asked to let us in."""
    with pytest.raises(HostKeyRejected) as caught:
        transport.run(host, b"true\n", PATIENT)
    for sign in ("userauth", "Failed", "Accepted", "Invalid user"):
        assert sign not in server.log
    return caught.value


def test_unknown_key(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    server = serve()
    error = refused(transport, host_at(server, ""), server)
    assert error.reason == "host_key_unknown"
    assert fingerprint(server.host_keys[0]) in error.message
    assert "hardencheck trust" in str(error.hint)


def test_changed_key(serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path) -> None:
    server, other = serve(), keygen(tmp_path / "other", "-t", "ed25519")
    host = host_at(server, f"# a comment\n[127.0.0.1]:{server.port} {public(other)}\n")
    error = refused(transport, host, server)
    assert error.reason == "host_key_changed"
    assert fingerprint(server.host_keys[0]) in error.message
    assert fingerprint(other) in error.message
    assert f"{host.known_hosts[0]}:2" in error.message


def test_key_of_another_type_than_the_pinned_one(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path
) -> None:
    server, other = serve(), keygen(tmp_path / "other", "-t", "ecdsa")
    error = refused(transport, host_at(server, f"[127.0.0.1]:{server.port} {public(other)}\n"), server)
    assert error.reason == "host_key_changed"


def test_revoked_key(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    server = serve()
    host = host_at(server, server.known + f"@revoked * {public(server.host_keys[0])}\n")
    assert refused(transport, host, server).reason == "host_key_revoked"


def test_hashed_known_hosts(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    server = serve()
    host = host_at(server)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", host.known_hosts[0]], check=True, timeout=60, capture_output=True)
    assert Path(host.known_hosts[0]).read_text().startswith("|1|")
    assert transport.run(host, b"echo in\n", PATIENT).stdout == b"in\n"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_pinned_type_is_asked_for_first(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path, kind: str
) -> None:
    keys = [keygen(tmp_path / name, "-t", name) for name in ("ed25519", "ecdsa", "rsa")]
    server = serve(host_keys=keys)
    host = host_at(server, f"[127.0.0.1]:{server.port} {public(tmp_path / kind)}\n")
    assert transport.run(host, b"echo in\n", PATIENT).stdout == b"in\n"


def test_own_pin_file_counts_besides_known_hosts(serve: Serve, host_at: HostAt, tmp_path: Path) -> None:
    server, pins = serve(), tmp_path / "pins"
    host = host_at(server, "")
    transport = SshTransport(pins)
    shown = transport.fetch_host_key(host, PATIENT)
    assert shown.fingerprint == fingerprint(server.host_keys[0])
    assert "userauth" not in server.log
    pin(pins, host.address, host.port, shown)
    assert transport.run(host, b"echo in\n", PATIENT).stdout == b"in\n"
    transport.close()


def test_replaced_key_is_believed_at_once(serve: Serve, host_at: HostAt, tmp_path: Path) -> None:
    server, pins = serve(), tmp_path / "pins"
    host = host_at(server, "")
    old = HostKey(_blob(keygen(tmp_path / "old", "-t", "ed25519")))
    pin(pins, host.address, host.port, old)
    transport = SshTransport(pins)
    assert refused(transport, host, server).reason == "host_key_changed"
    pin(pins, host.address, host.port, transport.fetch_host_key(host, PATIENT), replace=True)
    assert transport.run(host, b"echo in\n", PATIENT).stdout == b"in\n"
    transport.close()


def _blob(path: Path) -> bytes:
    return base64.b64decode(public(path).split()[1])


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return keygen(tmp_path / "ca", "-t", "ed25519")


def certify(authority: Path, key: Path, *options: str) -> str:
    """Sign a host key; return the line for sshd_config."""
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "test", *options, f"{key}.pub"], check=True, timeout=60
    )
    return f"HostCertificate {key}-cert.pub"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("ca_kind", ["ed25519", "ecdsa", "rsa"])
def test_host_certificate(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path, kind: str, ca_kind: str
) -> None:
    authority, key = keygen(tmp_path / "ca", "-t", ca_kind), keygen(tmp_path / "host", "-t", kind)
    server = serve(certify(authority, key, "-h", "-n", "desk1,127.0.0.1", "-V", "-1h:+1h"), host_keys=[key])
    host = host_at(server, f"@cert-authority [127.0.0.*]:* {public(authority)}\n")
    assert transport.run(host, b"echo in\n", PATIENT).stdout == b"in\n"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("-h", "-n", "127.0.0.2"), "it is for 127.0.0.2, not for 127.0.0.1"),
        (("-h",), "it is for no host at all"),
        (("-h", "-n", "127.0.0.1", "-V", "20200101:20200102"), "it expired on 2020-01-0"),
        (("-h", "-n", "127.0.0.1", "-V", "20990101:20990102"), "it is not valid before"),
        (("-h", "-n", "127.0.0.1", "-t", "ssh-rsa"), "SHA-1"),
    ],
)
def test_certificate_that_proves_nothing(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path, options: tuple[str, ...], why: str
) -> None:
    key, kind = keygen(tmp_path / "host", "-t", "ed25519"), "rsa" if "ssh-rsa" in options else "ed25519"
    authority = keygen(tmp_path / "ca", "-t", kind)
    server = serve(certify(authority, key, *options), host_keys=[key])
    error = refused(transport, host_at(server, f"@cert-authority * {public(authority)}\n"), server)
    assert error.reason == "host_certificate_invalid"
    assert why in error.message


def test_certificate_of_a_foreign_authority_counts_as_its_plain_key(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path, authority: Path
) -> None:
    key, foreign = keygen(tmp_path / "host", "-t", "ed25519"), keygen(tmp_path / "foreign", "-t", "ed25519")
    server = serve(certify(foreign, key, "-h", "-n", "127.0.0.1"), host_keys=[key])
    ours = f"@cert-authority * {public(authority)}\n"
    assert refused(transport, host_at(server, ours), server).reason == "host_key_unknown"
    assert transport.run(host_at(server, ours + server.known), b"echo in\n", PATIENT).stdout == b"in\n"


def test_revoked_authority(
    serve: Serve, transport: SshTransport, host_at: HostAt, tmp_path: Path, authority: Path
) -> None:
    key = keygen(tmp_path / "host", "-t", "ed25519")
    server = serve(certify(authority, key, "-h", "-n", "127.0.0.1"), host_keys=[key])
    lines = f"@cert-authority * {public(authority)}\n@revoked * {public(authority)}\n"
    assert refused(transport, host_at(server, lines), server).reason == "host_key_revoked"
