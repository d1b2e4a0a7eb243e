"""A login at a WinRM listener with pywinrm: connect, prove the host, then the account, and nothing the other way round.

pywinrm gets a connection that is ready (`winrm_wire`). The login is an empty request of its own, so that what comes
later is never taken for a refused password. An answer with a document type, which may grow when parsed, is not parsed.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from winrm.exceptions import WinRMTransportError
from winrm.protocol import Protocol
from winrm.transport import HAVE_KERBEROS

from hardencheck.errors import AuthenticationFailed, Unreachable
from hardencheck.model.host import Host, Secret, WinRm, WinRmLogin
from hardencheck.transport.guard import Attempt, Credential, CredentialGuard
from hardencheck.transport.tcp import reach
from hardencheck.transport.winrm_errors import Refused, explained, refused
from hardencheck.transport.winrm_kerberos import Tickets
from hardencheck.transport.winrm_session import Session, translated
from hardencheck.transport.winrm_tls import secure
from hardencheck.transport.winrm_wire import Adapter, Nonsense, Stream, TlsStream

#: What a host may take for its part of a login, so that one which hangs does not hold up the others.
LOGIN_SECONDS = 30.0

#: Kerberos shows its ticket again when the host wants it bound to the connection; nobody counts tickets.
_PROOFS = {WinRmLogin.KERBEROS: 3, WinRmLogin.NTLM: 1, WinRmLogin.CERTIFICATE: 0}


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in, and how: NEGOTIATE has been decided."""

    login: WinRmLogin
    user: str
    password: Secret | None

    @classmethod
    def of(cls, host: Host, winrm: WinRm) -> Account:
        """Return a host's account; raises AuthenticationFailed when the inventory does not give enough."""
        user, login = host.user or "", winrm.login
        if login is WinRmLogin.NEGOTIATE:
            login = WinRmLogin.KERBEROS if "@" in user and HAVE_KERBEROS else WinRmLogin.NTLM
        if login is WinRmLogin.KERBEROS and not HAVE_KERBEROS:
            raise AuthenticationFailed(
                "Kerberos is asked for, but not installed with hardencheck",
                reason="kerberos_not_installed",
                hint="pip install 'hardencheck[kerberos]', or set ansible_winrm_transport: ntlm",
            )
        if (login is WinRmLogin.NTLM and not host.password) or (login is not WinRmLogin.CERTIFICATE and not user):
            raise AuthenticationFailed(
                "the inventory names no account and password for this host",
                reason="no_credential",
                hint="set ansible_user and, in the vault, ansible_password",
            )
        return cls(login, user, host.password)

    @property
    def credential(self) -> Credential:
        """What the guard counts: a domain's account once for all hosts, a host's own account with its password."""
        domain, _, _ = self.user.rpartition("\\")
        of_a_domain = "@" in self.user or domain not in ("", ".")
        return Credential(f"winrm {self.user}", None if of_a_domain else self.password)


def log_in(host: Host, guard: CredentialGuard, tickets: Tickets, deadline: float) -> Session:
    """Return a session at the host; raises a TransportError. Nothing is sent to a host that is not proved."""
    winrm = host.winrm or WinRm()
    account = Account.of(host, winrm)
    link = reach(host.address, host.port, _soon(deadline), "WinRM")
    stream = Stream(link, deadline)

    def admit() -> AbstractContextManager[Attempt]:
        return guard.attempt(account.credential, host.name, deadline - time.monotonic())

    try:
        if winrm.scheme == "https":
            stream = TlsStream(secure(link, host, winrm, _soon(deadline)), deadline)
        protocol, adapter = _bind(host, winrm, account, stream)
        if account.login is WinRmLogin.KERBEROS:
            # the domain has seen the password; what the host sees is a ticket, which nobody counts
            tickets.get(account.user, account.password, admit, deadline)
            stream.deadline = _soon(deadline)
            _prove(protocol, adapter, account)
        elif account.login is WinRmLogin.NTLM:
            with admit() as attempt:
                stream.deadline = _soon(deadline)
                _prove(protocol, adapter, account)
                attempt.accepted()
        if winrm.seal or winrm.scheme == "http":
            adapter.sealed = True
        else:
            protocol.transport.encryption = None
    except BaseException:
        stream.end()
        raise
    return Session(protocol, stream, deadline)


def _soon(deadline: float) -> float:
    return min(deadline, time.monotonic() + LOGIN_SECONDS)


def _bind(host: Host, winrm: WinRm, account: Account, stream: Stream) -> tuple[Protocol, Adapter]:
    """Return pywinrm set up to use this connection and no other."""
    name = f"[{host.address}]" if ":" in host.address else host.address
    protocol = Protocol(
        f"{winrm.scheme}://{name}:{host.port}{winrm.path}",
        transport=account.login.value,  # type: ignore[arg-type]
        username=account.user,
        password=account.password.reveal() if account.password else None,
        ca_trust_path=None,  # type: ignore[arg-type]
        cert_pem=winrm.certificate,
        cert_key_pem=winrm.certificate_key,
        kerberos_hostname_override=winrm.kerberos_name,
        message_encryption="never",  # pywinrm would log in at once; `_prove` sets it up
        proxy=None,
    )
    session = protocol.transport.build_session()
    adapter = Adapter(stream, host.address, host.port, _PROOFS[account.login])
    session.trust_env = False
    session.proxies = {}
    session.adapters.clear()
    session.mount(f"{winrm.scheme}://", adapter)
    _parse_no_document_types(protocol)
    return protocol, adapter


def _prove(protocol: Protocol, adapter: Adapter, account: Account) -> None:
    """Log in with an empty request, after which messages are encrypted; raises a TransportError."""
    session = protocol.transport.build_session()
    try:
        with translated():
            protocol.transport.setup_encryption(session)
    except Refused:
        if account.login is WinRmLogin.KERBEROS and adapter.proofs:
            raise AuthenticationFailed(
                f"the host refused the Kerberos ticket of {account.user}",
                reason="kerberos_ticket_refused",
                hint="do the clocks agree? is the name that we use the host's own? may the account log on to it?",
            ) from None
        raise refused(adapter.offered, adapter.proofs, account.user) from None
    except Exception as error:  # noqa: BLE001 - `translated` lets out our own classes only
        if adapter.offered and not adapter.proofs and isinstance(error, Nonsense):
            raise refused(adapter.offered, 0, account.user) from None
        raise explained(error, "authentication") from None
    if not adapter.proofs:
        raise Unreachable(
            "what answers does not ask who we are, so it is no WinRM listener",
            reason="not_winrm",
            hint="check address, ansible_port and ansible_winrm_path",
        )
    adapter.proofs_allowed = 0


def _parse_no_document_types(protocol: Protocol) -> None:
    """Look at every answer before pywinrm parses it."""
    transport: Any = protocol.transport
    send = transport.send_message

    def send_message(message: str | bytes) -> bytes:
        try:
            answer: bytes = send(message)
        except WinRMTransportError as error:
            _refuse_document_type(error.response_text)
            raise
        _refuse_document_type(answer)
        return answer

    transport.send_message = send_message


def _refuse_document_type(xml: str | bytes) -> None:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError:
        return  # whoever parses it next stumbles over the same place


def _refuse(*_: object) -> None:
    raise Nonsense("its XML has a document type")
