"""A server that lets us in and then stops answering, at every step; and what we offer it in the handshake."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from hardencheck.errors import TimedOut, TransportError
from hardencheck.model.capture import Limits
from hardencheck.model.host import Host
from hardencheck.transport.ssh import SshTransport
from tests.transport.sshd import keygen, public


class Stalling(paramiko.ServerInterface):
    """Stops answering at one step: `authentication`, `channel` or `exec`."""

    def __init__(self, step: str, over: threading.Event) -> None:
        self.step = step
        self.over = over

    def stall(self, step: str) -> None:
        if step == self.step:
            self.over.wait(30)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.stall("authentication")
        return paramiko.common.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self.stall("channel")
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.stall("exec")
        return True


@pytest.fixture
def stalling(key: Path, tmp_path: Path) -> Iterator[Callable[[str], Host]]:
    """Start a server that stalls at this step."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    host_key = keygen(tmp_path / "host", "-t", "ed25519")
    servers: list[paramiko.Transport] = []
    threads: list[threading.Thread] = []

    def start(step: str) -> Host:
        def serve() -> None:
            connection, _ = listener.accept()
            server = paramiko.Transport(connection)
            servers.append(server)
            server.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(host_key)))
            server.start_server(threading.Event(), Stalling(step, over))

        threads.append(threading.Thread(target=serve))
        threads[0].start()
        port = listener.getsockname()[1]
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {public(host_key)}\n")
        return Host("target", "127.0.0.1", port, user="scan", key_file=str(key), known_hosts=(str(known),))

    try:
        yield start
    finally:
        over.set()
        for thread in [*threads, *servers]:
            thread.join(30)
        for server in servers:
            server.close()
            server.packetizer.complete_handshake()
        listener.close()


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("authentication", "authentication_timed_out"),
        ("channel", "start_timed_out"),
        ("exec", "start_timed_out"),
    ],
)
def test_stalled_server_ends_at_the_deadline(stalling: Callable[[str], Host], step: str, reason: str) -> None:
    transport = SshTransport()
    with pytest.raises(TimedOut) as caught:
        transport.run(stalling(step), b"true\n", Limits(3, 3))
    assert caught.value.reason == reason
    transport.close()


def test_nothing_weak_is_offered() -> None:
    """Read the first packets that we send, as a server sees them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = Host("target", "127.0.0.1", listener.getsockname()[1], known_hosts=("/dev/null",))
        seen = bytearray()

        def listen() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                connection.sendall(b"SSH-2.0-test\r\n")
                while b"none" not in seen and (data := connection.recv(65536)):
                    seen.extend(data)

        thread = threading.Thread(target=listen)
        thread.start()
        with pytest.raises(TransportError):
            SshTransport().run(host, b"true\n", Limits(20, 20))
        thread.join(30)
    offered = seen.decode("latin-1")
    assert "mlkem768x25519-sha256,curve25519-sha256," in offered
    assert "kex-strict-c-v00@openssh.com" in offered
    assert "aes128-gcm@openssh.com" in offered
    weak = r"sha1\b|md5|cbc|3des|arcfour|ssh-dss|group1-|group14-sha1|ssh-rsa|zlib"
    assert not re.search(weak, offered)
