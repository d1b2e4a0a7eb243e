"""One client's connection to a listener: who it is, and what its messages say."""

from __future__ import annotations

import base64
import re
import ssl
import struct
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import spnego
from cryptography import x509
from cryptography.x509.oid import NameOID
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from tests.winlab.soap import Fault, Message, envelope, fault, identity

if TYPE_CHECKING:
    from tests.winlab.server import WsmanServer

_SOAP = "application/soap+xml;charset=UTF-8"
_END = b"--Encrypted Boundary--\r\n"
_PART = b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
#: A token of Kerberos by itself begins with the name of its mechanism (RFC 4121).
_KERBEROS = bytes.fromhex("06092a864886f712010202")
_OPTIONS = {
    "ntlm": spnego.NegotiateOptions.use_ntlm,
    "kerberos": spnego.NegotiateOptions.use_gssapi,
    "negotiate": spnego.NegotiateOptions.use_negotiate,
}
_MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"


class Listener(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with one client; the login belongs to the connection, as with HTTP.sys."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Microsoft-HTTPAPI/2.0", ""
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's screen clean."""

    def setup(self) -> None:
        """Begin with nobody logged in."""
        super().setup()
        owner: WsmanServer = self.server.owner  # type: ignore[attr-defined]
        self.owner = owner
        self.user: str | None = None
        self._context: spnego.ContextProxy | None = None
        self._final: bytes | None = None

    def do_GET(self) -> None:
        """Know no pages."""
        self._reply(405)

    def do_POST(self) -> None:
        """Carry out one request."""
        owner = self.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with owner.lock:
            owner.posts.append({name.lower(): value for name, value in self.headers.items()})
        if owner.redirect is not None:
            self._reply(302, headers=[("Location", owner.redirect)])
            return
        if self.path != owner.path:
            self._reply(404)
            return
        self._final = None
        if owner.forgets():
            self.user, self._context = None, None
        if self.headers.get("WSMANIDENTIFY", "").lower() == "unauthenticated":
            self._reply(200, identity())
        elif self._authenticated():
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        """Answer somebody who has logged in; an empty body only was for the login."""
        owner = self.owner
        final = [("WWW-Authenticate", "Negotiate " + base64.b64encode(self._final).decode())] if self._final else []
        if not body:
            if owner.cuts("login"):
                self.close_connection = True
                return
            self._reply(200, headers=final)
            return
        kind = self.headers.get("Content-Type", "")
        sealed = "-session-encrypted" in kind
        if sealed:
            try:
                body = self._unseal(body)
            except (SpnegoError, ValueError, LookupError, struct.error, AttributeError):
                self._reply(400)
                return
        elif owner.options.tls is None and not owner.options.allow_unencrypted:
            self._reply(500)
            return
        verb, status, xml = self._perform(body)
        if owner.cuts(verb):
            self.close_connection = True
            return
        xml = owner.distort(verb, xml)
        protocol = re.search(r'protocol="([^"]+)"', kind)
        if sealed and protocol is not None and verb != owner.in_clear:
            kind = f'multipart/encrypted;protocol="{protocol[1]}";boundary="Encrypted Boundary"'
            self._reply(status, owner.mangle(verb, self._seal(xml, protocol[1])), kind, final)
        else:
            self._reply(status, owner.mangle(verb, xml), headers=final)

    def _perform(self, body: bytes) -> tuple[str, int, bytes]:
        """Return the verb, the HTTP status and the answer."""
        owner = self.owner
        message = Message.parse(body)
        verb = message.verb
        with owner.lock:
            owner.actions[verb] += 1
        if message.identify:
            return verb, 200, identity()
        try:
            if planned := owner.planned(verb):
                raise planned
            answer = owner.shells.perform(message, self.user or "")
        except Fault as problem:
            return verb, problem.http, fault(problem, message.message_id)
        return verb, 200, envelope(message.action + "Response", message.message_id, answer)

    def _authenticated(self) -> bool:
        """Say whether this request may go on; if not, the answer has been sent."""
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        offered = self.owner.options.schemes
        if scheme.lower() == "basic" and "basic" in offered:
            return self._basic(value)
        if scheme.lower() in ("negotiate", "ntlm") and "negotiate" in offered:
            return self._negotiate(base64.b64decode(value))
        if scheme == _MUTUAL and "certificate" in offered:
            return self._certificate()
        if self.user is None:
            self._challenge()
        return self.user is not None

    def _basic(self, value: str) -> bool:
        user, _, password = base64.b64decode(value).decode().partition(":")
        return self._decide(user, accepted=self.owner.domain.users.get(user) == password)

    def _negotiate(self, token: bytes) -> bool:
        if self._context is None or self._context.complete or token.startswith(b"NTLMSSP\0\1"):
            self.user = None
            self._context = None
        try:
            self._context = self._context or _acceptor(token, self.owner.bindings)
            answer = self._context.step(token)
        except Exception:  # noqa: BLE001 - whatever a token makes the libraries stumble over, it is no login
            self._context = None
            return self._decide("", accepted=False)
        if not self._context.complete:
            self._challenge(answer)
            return False
        self._final = answer
        return self._decide(self._context.client_principal or "", accepted=True)

    def _certificate(self) -> bool:
        if self.user is not None:
            return True
        shown = self.request.getpeercert(True) if isinstance(self.request, ssl.SSLSocket) else None
        names = x509.load_der_x509_certificate(shown).subject if shown else x509.Name([])
        name = "".join(str(each.value) for each in names.get_attributes_for_oid(NameOID.COMMON_NAME))
        account = self.owner.options.client_accounts.get(name)
        return self._decide(account or "", accepted=account is not None)

    def _decide(self, user: str, *, accepted: bool) -> bool:
        self.owner.domain.note(user, accepted=accepted)
        with self.owner.lock:
            self.owner.logins[accepted] += 1
        self.user = user if accepted else None
        if not accepted:
            self._challenge()
        return accepted

    def _challenge(self, token: bytes | None = None) -> None:
        offered = self.owner.options.schemes
        headers = []
        if "negotiate" in offered:
            word = f" {base64.b64encode(token).decode()}" if token else ""
            headers.append(("WWW-Authenticate", f"Negotiate{word}"))
        if "basic" in offered and token is None:
            headers.append(("WWW-Authenticate", 'Basic realm="WSMAN"'))
        self._reply(401, headers=headers)

    def _reply(
        self, code: int, body: bytes = b"", kind: str = _SOAP, headers: list[tuple[str, str]] | None = None
    ) -> None:
        self.send_response(code)
        if body:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers or []:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _unseal(self, data: bytes) -> bytes:
        head, _, rest = data.partition(_PART)
        length = re.search(rb"Length=(\d+)", head)
        if length is None or not rest.endswith(_END) or self._context is None:
            raise ValueError("not an encrypted message")
        blob = rest.removesuffix(_END)
        (size,) = struct.unpack("<i", blob[:4])
        body = self._context.unwrap_winrm(blob[4 : 4 + size], blob[4 + size :])
        if len(body) != int(length[1]):
            raise ValueError("another length than announced")
        return body

    def _seal(self, body: bytes, protocol: str) -> bytes:
        assert self._context is not None
        sealed = self._context.wrap_winrm(body)
        head = f"--Encrypted Boundary\r\n\tContent-Type: {protocol}\r\n\tOriginalContent: type={_SOAP};Length="
        head += f"{len(body) + sealed.padding_length}\r\n"
        return head.encode() + _PART + struct.pack("<i", len(sealed.header)) + sealed.header + sealed.data + _END


def _acceptor(token: bytes, bindings: GssChannelBindings | None) -> spnego.ContextProxy:
    """Return what can take a client's first token."""
    protocol = "kerberos" if _KERBEROS in token[:20] else "negotiate"
    protocol = "ntlm" if token.startswith(b"NTLMSSP\0") else protocol
    return spnego.server(protocol=protocol, channel_bindings=bindings, options=_OPTIONS[protocol])
