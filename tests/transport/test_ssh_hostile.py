"""Servers that want to hold a thread, fill the memory or confuse the protocol: each ends in time, with a reason."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from hardencheck.errors import TimedOut, TransportError, Unreachable
from hardencheck.model.capture import Limits
from hardencheck.model.host import Host
from hardencheck.transport.ssh import SshTransport
from tests.transport.conftest import Serve
from tests.transport.hostile import Behaviour, closes_at_once, servers, silent

SHORT = Limits(deadline=2, idle=2)
#: for what ends by itself, on a machine that has other things to do
LONG = Limits(deadline=60, idle=60)
KEXINIT_HEAD = bytes([20]) + bytes(16)


@pytest.fixture
def hostile() -> Iterator[Callable[[Behaviour], Host]]:
    """Start a server that behaves so with everybody who connects."""
    with servers() as start:
        yield lambda behaviour: Host("hostile", "127.0.0.1", start(behaviour), known_hosts=("/dev/null",))


def endless_banner(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        connection.sendall(b"welcome " * 1000 + b"\r\n")


def endless_banner_line(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        connection.sendall(b"x" * 8000)


def drip_banner(connection: socket.socket, over: threading.Event) -> None:
    while not over.wait(0.05):
        connection.sendall(b"S")


def drip_key_exchange(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-drip\r\n" + (30004).to_bytes(4) + bytes([4]))
    while not over.wait(0.05):
        connection.sendall(b"x")


def hang_in_key_exchange(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-hang\r\n" + packet(kexinit()))
    over.wait(30)


def debug_messages_for_ever(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-chatty\r\n" + packet(kexinit(strict=False)))
    message = packet(bytes([4, 0]) + (1000).to_bytes(4) + b"x" * 1000 + bytes(4))
    while not over.is_set():
        connection.sendall(message)


def huge_packet(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-huge\r\n" + (2**31 - 4).to_bytes(4) + bytes(4000))
    over.wait(30)


def never_reads(connection: socket.socket, over: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    over.wait(30)


def garbage(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(bytes(range(256)) * 4 + b"\n")


def web_server(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(100)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n")


def ssh_one(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-1.5-ancient\r\n")


def version_that_is_not_ascii(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-caf\xe9\r\n")


def closes_after_version(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-short\r\n")


def closes_in_key_exchange(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-short\r\n" + packet(kexinit())[:20])


def old_algorithms_only(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-old\r\n" + packet(kexinit(kex=b"diffie-hellman-group1-sha1")))
    over.wait(30)


def broken_key_exchange(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-broken\r\n" + packet(KEXINIT_HEAD + b"\xff" * 40))
    over.wait(30)


def answers_nonsense_to_key_exchange(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-broken\r\n" + packet(kexinit()) + packet(bytes([31]) + b"\xff" * 100))
    over.wait(30)


def kexinit(kex: bytes = b"curve25519-sha256", *, strict: bool = True) -> bytes:
    names = [kex + (b",kex-strict-s-v00@openssh.com" if strict else b""), b"ssh-ed25519"]
    names += [b"aes128-ctr"] * 2 + [b"hmac-sha2-256"] * 2 + [b"none"] * 2 + [b""] * 2
    return KEXINIT_HEAD + b"".join(len(name).to_bytes(4) + name for name in names) + bytes(5)


def packet(payload: bytes) -> bytes:
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return (len(payload) + padding + 1).to_bytes(4) + bytes([padding]) + payload + bytes(padding)


@pytest.mark.parametrize(
    ("behaviour", "error", "reason"),
    [
        (silent, TimedOut, "handshake_timed_out"),
        (drip_banner, TimedOut, "handshake_timed_out"),
        (drip_key_exchange, TimedOut, "handshake_timed_out"),
        (hang_in_key_exchange, TimedOut, "handshake_timed_out"),
        (never_reads, TimedOut, "handshake_timed_out"),
        (endless_banner, Unreachable, "flood"),
        (endless_banner_line, Unreachable, "flood"),
        (debug_messages_for_ever, Unreachable, "flood"),
        (huge_packet, Unreachable, "flood"),
        (garbage, Unreachable, "not_ssh"),
        (web_server, Unreachable, "not_ssh"),
        (ssh_one, Unreachable, "not_ssh"),
        (version_that_is_not_ascii, Unreachable, "not_ssh"),
        (closes_at_once, Unreachable, "handshake_lost"),
        (closes_after_version, Unreachable, "handshake_lost"),
        (closes_in_key_exchange, Unreachable, "handshake_lost"),
        (old_algorithms_only, Unreachable, "no_common_algorithm"),
        (broken_key_exchange, Unreachable, "protocol_error"),
        (answers_nonsense_to_key_exchange, Unreachable, "protocol_error"),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_hostile_server(
    transport: SshTransport,
    hostile: Callable[[Behaviour], Host],
    behaviour: Behaviour,
    error: type[TransportError],
    reason: str,
) -> None:
    host = hostile(behaviour)
    with pytest.raises(error) as caught:
        transport.run(host, b"true\n", SHORT if error is TimedOut else LONG)
    assert caught.value.reason == reason, caught.value.message


def test_odd_lines_before_the_version_do_no_harm(
    serve: Serve, transport: SshTransport, host_at: Callable[..., Host]
) -> None:
    """A proxy in front of a real sshd says something in Latin-1 first, as some appliances do."""
    server = serve()
    front = socket.create_server(("127.0.0.1", 0))
    server_port = server.port

    def relay() -> None:
        client, _ = front.accept()
        with client, socket.create_connection(("127.0.0.1", server_port)) as inner:
            client.sendall("Nur für Befugte\r\n".encode("latin-1") + b"\xff\xfe\r\n\r\n")
            back = threading.Thread(target=copy, args=(inner, client))
            back.start()
            copy(client, inner)
            back.join(30)

    def copy(source: socket.socket, goal: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                goal.sendall(data)
            goal.shutdown(socket.SHUT_WR)
        except OSError:
            return

    thread = threading.Thread(target=relay)
    thread.start()
    server.port = front.getsockname()[1]
    try:
        assert transport.run(host_at(server), b"echo in\n", Limits(60, 50)).stdout == b"in\n"
    finally:
        thread.join(30)
        front.close()
