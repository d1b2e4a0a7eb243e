"""A WinRM listener for real clients (pywinrm): HTTP or HTTPS, authentication, message encryption, misbehaviour.

NTLM comes as raw NTLMSSP under the scheme Negotiate, as pywinrm sends it, or inside SPNEGO; Basic and client
certificates can be allowed. Messages may be encrypted (MS-WSMV 2.2.9.1); unencrypted ones over HTTP are refused, as by
a host that was not loosened. It models a host's behaviour, and is no evidence of a real host's. Loopback only.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from spnego.channel_bindings import GssChannelBindings

from tests.winlab.certificates import Pair
from tests.winlab.domain import Domain
from tests.winlab.listener import Listener
from tests.winlab.shells import Handler, Shells
from tests.winlab.soap import Fault


@dataclass
class Options:
    """How a listener is set up; the defaults are those of a Windows host, except for `tls`."""

    tls: Pair | None = None
    #: schemes that are offered: negotiate, basic, certificate
    schemes: tuple[str, ...] = ("negotiate",)
    allow_unencrypted: bool = False
    #: the CA of client certificates, and the account that a certificate's common name stands for
    client_ca: str | None = None
    client_accounts: dict[str, str] = field(default_factory=dict)
    #: refuse a login over TLS that is not bound to this very connection (CbtHardeningLevel Strict)
    bound: bool = True
    max_shells: int = 30
    max_envelope: int = 153600


class WsmanServer:
    """One listener on a free port of 127.0.0.1; several may share one Domain.

    `fail` and `cut` plan what goes wrong; `distort` may change the XML of an answer before it is encrypted, `mangle`
    what goes on the wire; `drop_after` and `forget_after` end a connection, or its login, after so many requests.
    `in_clear` is a verb that is answered without encryption, however it was asked. `actions` counts the requests by
    verb, `logins` the logins by whether they were accepted, `posts` holds the headers of all.
    """

    def __init__(self, handler: Handler, domain: Domain, options: Options | None = None) -> None:
        self.options = options or Options()
        self.domain = domain
        self.shells = Shells(handler, self.options.max_shells, self.options.max_envelope)
        self.actions: Counter[str] = Counter()
        self.connections = 0
        self.logins: Counter[bool] = Counter()
        self.posts: list[dict[str, str]] = []
        self.redirect: str | None = None
        self.path = "/wsman"
        self.drop_after: int | None = None
        self.forget_after: int | None = None
        self.in_clear = ""
        self.distort: Callable[[str, bytes], bytes] = lambda verb, xml: xml
        self.mangle: Callable[[str, bytes], bytes] = lambda verb, data: data
        self.lock = threading.Lock()
        self.bindings: GssChannelBindings | None = None
        self._failures: dict[str, list[Fault]] = {}
        self._cuts: Counter[str] = Counter()
        self._links: list[socket.socket] = []
        self._http = _Http(self)
        if self.options.tls is not None:
            self._http.tls = self._secure(self.options.tls)
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    def fail(self, verb: str, *faults: Fault) -> None:
        """Answer the next requests of this verb with these faults, one each."""
        self._failures.setdefault(verb, []).extend(faults)

    def cut(self, verb: str, times: int = 1) -> None:
        """Close the connection instead of answering the next requests of this verb."""
        self._cuts[verb] += times

    def planned(self, verb: str) -> Fault | None:
        """Return the fault that the next request of this verb gets."""
        with self.lock:
            waiting = self._failures.get(verb)
            return waiting.pop(0) if waiting else None

    def cuts(self, verb: str) -> bool:
        """Say whether the connection ends before the answer to this request."""
        with self.lock:
            if self.drop_after is not None:
                self.drop_after -= 1
                if self.drop_after < 0:
                    self.drop_after = None
                    return True
            if self._cuts[verb] == 0:
                return False
            self._cuts[verb] -= 1
            return True

    def forgets(self) -> bool:
        """Say whether the login of this connection ends here."""
        with self.lock:
            if self.forget_after is not None:
                self.forget_after -= 1
                return self.forget_after < 0
            return False

    def opened(self, link: socket.socket) -> None:
        """Take note of a connection."""
        with self.lock:
            self.connections += 1
            self._links.append(link)

    def _secure(self, pair: Pair) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        if self.options.client_ca is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self.options.client_ca)
        if self.options.bound:
            digest = hashes.Hash(hashes.SHA256())
            digest.update(x509.load_pem_x509_certificate(pair.certificate.read_bytes()).public_bytes(Encoding.DER))
            self.bindings = GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())
        return context

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)
        with self.lock:
            links = list(self._links)
        for link in links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, owner: WsmanServer) -> None:
        self.owner = owner
        self.tls: ssl.SSLContext | None = None
        super().__init__(("127.0.0.1", 0), Listener)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that nobody waits for a client that does not."""
        self.owner.opened(request)
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        try:
            secured = self.tls.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            return
        with secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave in the middle are what the tests are about."""
