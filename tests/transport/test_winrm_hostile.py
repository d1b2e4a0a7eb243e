"""Servers that want to hold a thread, fill the memory or confuse the reader: each ends in time, with a reason."""

from __future__ import annotations

import base64
import re
import resource
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from hardencheck.errors import TransportError
from hardencheck.model.capture import Ended, Limits
from hardencheck.model.host import Host, Secret, WinRm
from hardencheck.model.outcome import Platform
from hardencheck.transport.winrm import WinRmTransport
from tests.transport.conftest import PATIENT
from tests.transport.hostile import Behaviour, answering, closes_at_once, servers, silent
from tests.winlab.lab import PASSWORD, USER, Lab
from tests.winlab.shells import Result

SHORT = Limits(deadline=2, idle=2)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n"
PAGE_NOT_FOUND = answering(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<br/>")
NO = b"HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate%s\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def hostile() -> Iterator[Callable[..., Host]]:
    """Start a server that behaves so with everybody who connects; `https` tells the client to expect TLS."""
    with servers() as start:

        def host(behaviour: Behaviour, *, https: bool = False) -> Host:
            return Host(
                "hostile",
                "127.0.0.1",
                start(behaviour),
                platform=Platform.WINDOWS,
                connection="winrm",
                user=USER,
                password=Secret(PASSWORD),
                winrm=WinRm(scheme="https" if https else "http"),
            )

        yield host


def ssh_server(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
    over.wait(30)


def drip(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 ")
    while not over.wait(0.05):
        connection.sendall(b"2")


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 401 \r\nX: ")
    while not over.wait(0.05):
        connection.sendall(b"y")


def endless_status_line(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        connection.sendall(b"HTTP/1.1 200 " * 1000)


def endless_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(OK)
    while not over.is_set():
        connection.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")


def endless_interim_answers(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def endless_body(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"x" * 65536)


def endless_chunks(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 500 \r\nTransfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")


def negative_length(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(OK + b"Content-Length: -1\r\n\r\n<x/>")


def lying_length(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(OK + b"Content-Length: 99999999999\r\n\r\n<x/>")


def length_that_is_no_number(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(OK + b"Content-Length: many\r\n\r\n<x/>")


def challenge_without_end(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        connection.recv(65536)
        connection.sendall(NO % b"")


def proxy_that_wants_ntlm(connection: socket.socket, over: threading.Event) -> None:
    while data := connection.recv(65536):
        assert b"Proxy-Authorization" not in data
        connection.sendall(b"HTTP/1.1 407 \r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n")


#: answers, each to one request, before a server says nothing more; and the reason that the client gives
ANSWERS = {
    "welcomes everybody": ("not_winrm", answering(OK + b"Content-Length: 0\r\n\r\n")),
    "compressed": (
        "not_winrm",
        answering(b"HTTP/1.1 500 \r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"),
    ),
    "page not found": ("not_winrm", PAGE_NOT_FOUND),
    "out of service": (
        "service_unavailable",
        answering(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
    ),
    "challenge that is garbage": ("authentication_not_offered", answering(NO % b"", NO % b" !!!not base64!!!")),
    "challenge that is no ntlm": (
        "authentication_not_offered",
        answering(NO % b"", NO % (b" " + base64.b64encode(b"NTLMSSP\0\2" + b"\xff" * 40))),
    ),
    "proxy that wants a password": (
        "not_winrm",
        answering(b"HTTP/1.1 407 \r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"),
    ),
}


def refusal(winrm: WinRmTransport, host: Host) -> TransportError:
    """Return the error in which a run ends, which tells its story in a few words."""
    with pytest.raises(TransportError) as caught:
        winrm.run(host, b"x", SHORT)
    assert len(caught.value.message) < 400
    return caught.value


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (silent, "authentication_timed_out"),
        (drip, "authentication_timed_out"),
        (drip_headers, "authentication_timed_out"),
        (closes_at_once, "authentication_lost"),
        (ssh_server, "not_winrm"),
        (endless_status_line, "not_winrm"),
        (endless_headers, "not_winrm"),
        (endless_interim_answers, "flood"),
        (endless_body, "flood"),
        (endless_chunks, "flood"),
        (negative_length, "not_winrm"),
        (lying_length, "authentication_lost"),
        (length_that_is_no_number, "not_winrm"),
        (challenge_without_end, "authentication_not_offered"),
        (proxy_that_wants_ntlm, "not_winrm"),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_before_the_login(
    winrm: WinRmTransport, hostile: Callable[..., Host], behaviour: Behaviour, reason: str
) -> None:
    error = refusal(winrm, hostile(behaviour))
    assert error.reason == reason, error.message


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_before_the_login(winrm: WinRmTransport, hostile: Callable[..., Host], name: str) -> None:
    reason, behaviour = ANSWERS[name]
    error = refusal(winrm, hostile(behaviour))
    assert error.reason == reason, error.message


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (silent, "handshake_timed_out"),
        (ssh_server, "not_winrm"),
        (closes_at_once, "handshake_lost"),
        (PAGE_NOT_FOUND, "not_winrm"),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_before_tls(winrm: WinRmTransport, hostile: Callable[..., Host], behaviour: Behaviour, reason: str) -> None:
    error = refusal(winrm, hostile(behaviour, https=True))
    assert error.reason == reason, error.message


def test_tls_where_http_is_expected(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve(tls=True)
    assert refusal(winrm, lab.host(server, scheme="http")).reason in ("not_winrm", "authentication_lost")
    assert lab.domain.attempts == 0


def bomb(xml: bytes) -> bytes:
    entities = b"".join(b'<!ENTITY e%d "%s">' % (level, b"&e%d;" % (level - 1) * 10) for level in range(1, 10))
    return b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "boom">' + entities + b"]><x>&e9;</x>"


def bomb_in_ebcdic(xml: bytes) -> bytes:
    head = b'<?xml version="1.0" encoding="cp037"?>'
    return head + '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("cp037")


def bomb_in_utf16(xml: bytes) -> bytes:
    return bomb(xml).replace(b'"1.0"', b'"1.0" encoding="utf-16"').decode().encode("utf-16")


DISTORTIONS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda xml: b"",
    "no xml": lambda xml: b"\xff\xfe hello",
    "cut off": lambda xml: xml[: len(xml) // 2],
    "another xml": lambda xml: b"<html><body/></html>",
    "bomb": bomb,
    "bomb in utf-16": bomb_in_utf16,
    "bomb in ebcdic": bomb_in_ebcdic,
    "too long": lambda xml: xml.replace(b"<s:Body>", b"<s:Body>" + b"<x/>" * 400_000),
    "deep": lambda xml: xml.replace(b"<s:Body>", b"<s:Body>" + b"<x>" * 100_000 + b"</x>" * 100_000),
    "garbage for base64": lambda xml: re.sub(rb"(<rsp:Stream [^>]*>)[^<]+", rb"\1%%%a", xml),
    "not ascii": lambda xml: re.sub(rb"(<rsp:Stream [^>]*>)[^<]+", rb"\1" + "ß".encode(), xml),
    "huge number": lambda xml: xml.replace(b"<rsp:ExitCode>0", b"<rsp:ExitCode>" + b"9" * 4000),
    "no number": lambda xml: xml.replace(b"<rsp:ExitCode>0", b"<rsp:ExitCode>zero"),
    "no name": lambda xml: xml.replace(b" Name=", b" Nome="),
    "no ids": lambda xml: re.sub(rb"(Shell|Command)Id", rb"Other", xml),
}


#: Where there is nothing to distort in some answers.
HARMLESS = ("garbage for base64", "not ascii", "no number", "huge number", "no name", "no ids")


def outcome(winrm: WinRmTransport, host: Host, limits: Limits) -> tuple[Ended | None, str | None]:
    """Return how a run ended, or the reason why there was none."""
    try:
        return winrm.run(host, b"script", limits).ended, None
    except TransportError as error:
        return None, error.reason


@pytest.mark.parametrize("verb", ["Create", "Command", "Receive"])
@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("tls", [False, True])
def test_answers_that_are_not_what_they_should_be(
    lab: Lab, winrm: WinRmTransport, verb: str, name: str, tls: bool
) -> None:
    """None of them fills the memory, takes long, or ends in something that looks like a whole answer."""
    server = lab.serve(lambda request: Result(b"x" * 100), tls=tls)
    server.distort = lambda asked, xml: DISTORTIONS[name](xml) if asked == verb else xml
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    ended, reason = outcome(winrm, lab.host(server), Limits(4, 4))

    if name == "deep":  # odd, but not wrong
        assert ended is Ended.CLOSED
    elif verb == "Receive":
        assert ended is not Ended.CLOSED or name in HARMLESS
    else:
        assert ended is None or name in HARMLESS
        assert reason in (None, "protocol_error", "flood", "exec_refused")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert lab.domain.attempts <= 2


@pytest.mark.parametrize(
    "mangle",
    [
        lambda data: data.replace(b"Length=", b"Length=-"),
        lambda data: re.sub(rb"Length=\d+", b"Length=999999999999999999999", data),
        lambda data: data.replace(b"Length=", b"Lenght="),
        lambda data: data[:-40] + bytes(40),
        lambda data: data.replace(b"octet-stream\r\n\x10\0\0\0", b"octet-stream\r\n\xff\xff\xff\xff"),
        lambda data: b"",
        lambda data: b"--Encrypted Boundary\r\n" * 1000,
        lambda data: data * 2,
    ],
    ids=["negative", "huge", "no length", "tampered", "signature", "empty", "boundaries", "twice"],
)
@pytest.mark.parametrize("verb", ["Create", "Receive"])
def test_wrong_encryption(lab: Lab, winrm: WinRmTransport, mangle: Callable[[bytes], bytes], verb: str) -> None:
    server = lab.serve(lambda request: Result(b"x" * 100))
    server.mangle = lambda asked, data: mangle(data) if asked == verb else data
    host = lab.host(server)

    if verb == "Create":
        with pytest.raises(TransportError) as caught:
            winrm.run(host, b"script", PATIENT)
        assert caught.value.reason == "protocol_error"
    else:
        exchange = winrm.run(host, b"script", PATIENT)
        assert (exchange.ended, exchange.stdout) == (Ended.LOST, b"")
    assert lab.domain.attempts == 1


@pytest.mark.parametrize("verb", ["Create", "Command", "Send", "Receive"])
@pytest.mark.parametrize("seal", [False, True])
def test_an_answer_in_clear_to_an_encrypted_question(lab: Lab, winrm: WinRmTransport, verb: str, seal: bool) -> None:
    """Over plain HTTP anybody on the way can send one; facts in it would be forged."""
    server = lab.serve(lambda request: Result(b"forged"), tls=seal)
    server.in_clear = verb

    ended, reason = outcome(winrm, lab.host(server, seal=seal), PATIENT)

    assert (ended, reason) in ((None, "protocol_error"), (Ended.LOST, None))
    assert lab.domain.attempts == 1


def test_a_host_that_asks_for_the_password_again_gets_nothing(lab: Lab, winrm: WinRmTransport) -> None:
    """A second proof would be another attempt that counts against the account."""
    server = lab.serve()
    server.forget_after = 4  # three requests of the login, then Create

    with pytest.raises(TransportError) as caught:
        winrm.run(lab.host(server), b"script", PATIENT)

    assert caught.value.reason == "protocol_error"
    assert "more than once" in caught.value.message
    assert lab.domain.attempts == 1
