"""One HTTP connection to a WinRM listener with an end to it, and nothing of `requests` that could leave it.

The socket is made, and its TLS shaken hands, before pywinrm hears of it. pywinrm's requests all go through it: there is
no second connection, no redirect, no proxy, no `.netrc`, no decompression. Every read and write is bounded by one
deadline, and every answer by a number of bytes, so that a host which feeds a byte now and then, or for ever, ends too.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from hardencheck.model.capture import Ended

#: We ask for envelopes of 150 KB (MaxEnvelopeSize); encryption and headers add little.
ANSWER_BYTES = 1024 * 1024

#: Begins an NTLM message that proves the password (AUTHENTICATE_MESSAGE), in base64.
_NTLM_PROOF = "TlRMTVNTUAAD"
_NTLM = "TlRMTVNTUA"


class Cut(Exception):
    """The connection ended, or had to be ended; `ended` says why."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.value)
        self.ended = ended


class Nonsense(Exception):
    """The host answered something that WinRM does not say; the message is a sentence about it."""


class Status(Exception):
    """The host's answer was an HTTP error without anything of WinRM in it."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Stream:
    """A connection as `http.client` uses a socket. `deadline` is in time.monotonic() seconds and may be moved."""

    def __init__(self, link: socket.socket, deadline: float) -> None:
        self.deadline = deadline
        self.allowance = ANSWER_BYTES
        self._link = link
        self._taken = False
        self._readers = 0
        self._closing = False

    def take(self) -> Stream:
        """Hand the connection to whoever asks first; Cut for everybody else, as there is only one."""
        if self._taken:
            raise Cut(Ended.LOST)
        self._taken = True
        return self

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        """Read what has arrived, 0 at the end of the stream."""
        self._bound()
        try:
            count = self._link.recv_into(buffer)
        except TimeoutError:
            raise Cut(Ended.DEADLINE) from None
        except OSError as error:
            raise _lost(error) from None
        self.allowance -= count
        if self.allowance < 0:
            raise Cut(Ended.FLOOD)
        return count

    def sendall(self, data: bytes) -> None:
        """Send all of `data`; what the host may answer to it is counted from here on."""
        self.allowance = ANSWER_BYTES
        self._bound()
        try:
            self._link.sendall(data)
        except TimeoutError:
            raise Cut(Ended.DEADLINE) from None
        except OSError as error:
            raise _lost(error) from None

    def makefile(self, mode: str, buffering: int | None = None) -> io.BufferedReader:
        """Return a reader for one answer."""
        self._readers += 1
        return io.BufferedReader(socket.SocketIO(self, "r"))  # type: ignore[arg-type]

    def settimeout(self, seconds: float | None) -> None:
        """Ignore what others think is patient enough: the deadline bounds every call."""

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._link.fileno()

    def close(self) -> None:
        """Close the connection as soon as nobody reads from it any more, as sockets do."""
        self._closing = True
        if self._readers <= 0:
            self._link.close()

    def end(self) -> None:
        """Close the connection, whoever reads from it."""
        self._link.close()

    def _decref_socketios(self) -> None:
        self._readers -= 1
        if self._closing:
            self.close()

    def _bound(self) -> None:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise Cut(Ended.DEADLINE)
        self._link.settimeout(remaining)


class TlsStream(Stream):
    """A connection inside TLS: its certificate is what a login is bound to (RFC 5929)."""

    def __init__(self, link: ssl.SSLSocket, deadline: float) -> None:
        super().__init__(link, deadline)
        self._secured = link

    def getpeercert(self, binary_form: bool = False) -> Any:  # the name that requests_ntlm calls
        """Return the host's certificate."""
        return self._secured.getpeercert(binary_form)


class Adapter(HTTPAdapter):
    """All requests of one session, through one Stream.

    `offered` are the authentication schemes of the last refusal, `proofs` counts what went out that a host can check a
    password against; more than `proofs_allowed` are never sent. Once `sealed` is set, an answer that is not encrypted
    is refused, as anybody on the way could have made it; pywinrm would take it.
    """

    def __init__(self, stream: Stream, address: str, port: int, proofs_allowed: int) -> None:
        super().__init__()
        self.sealed = False
        self.proofs_allowed = proofs_allowed
        self.proofs = 0
        self.offered = ""
        self._pool = _Pool(address, port, stream=stream)

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send a request and return the answer; raises Cut, Nonsense, Status and what requests raises."""
        scheme, _, token = str(request.headers.get("Authorization", "")).partition(" ")
        if scheme in ("Negotiate", "NTLM") and (token.startswith(_NTLM_PROOF) or not token.startswith(_NTLM)):
            if self.proofs >= self.proofs_allowed:
                raise Nonsense("the host asks for the password more than once")
            self.proofs += 1
        response = super().send(request, *args, **options)
        if 300 <= response.status_code < 400:
            raise Nonsense("the host sends us elsewhere (HTTP redirect), which is not followed")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Nonsense("the host answers in a compressed form that nobody asked for")
        if response.status_code == 407:
            raise Nonsense("the host asks for a password as proxies do")
        clear = not response.headers.get("Content-Type", "").startswith("multipart/encrypted")
        if self.sealed and clear and response.headers.get("Content-Length") != "0":
            if response.status_code >= 400:
                raise Status(response.status_code)  # of which nothing but the number is read
            raise Nonsense("an answer is not encrypted, so anybody may have sent it")
        if response.status_code == 401:
            self.offered = response.headers.get("WWW-Authenticate", "")
        return response

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """Return the one connection, whatever the request or the environment asks for."""
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave TLS alone: it was verified before the first request."""

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        """Return the path: there is never a proxy."""
        return request.path_url

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()
        super().close()


class _Connection(HTTPConnection):
    def __init__(self, host: str, port: int | None = None, *, stream: Stream, **options: Any) -> None:
        super().__init__(host, port, **options)
        self._stream = stream

    @property
    def is_connected(self) -> bool:
        """Say yes: a connection that is gone is noticed when it is used, and never replaced."""
        return self.sock is not None

    def connect(self) -> None:
        """Use the connection that exists; Cut when it was used up."""
        self.sock = self._stream.take()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


def _lost(error: OSError) -> Exception:
    """Return TLS's own words as they are, as an alert says why; anything else is a lost connection."""
    return error if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError) else Cut(Ended.LOST)
