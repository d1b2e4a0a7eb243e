"""What went wrong with a WinRM listener, as one of hardencheck's errors with something to do about it."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from typing import Any

import requests
from urllib3.exceptions import HTTPError, MaxRetryError
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError, WSManFaultError

from hardencheck.errors import AuthenticationFailed, TimedOut, TransportError, Unreachable
from hardencheck.model.capture import Ended
from hardencheck.transport.winrm_kerberos import failed
from hardencheck.transport.winrm_wire import Cut, Nonsense, Status

ACCESS_DENIED = 5
#: ERROR_WSMAN_QUOTA_* of wsmerror.h: shells, operations, users, the system, and the same of one plug-in
QUOTAS = frozenset([2150858815, *range(2150859173, 2150859177), 2150859179, *range(2150859236, 2150859242)])

try:
    from winrm.vendor.requests_kerberos.exceptions import KerberosExchangeError, MutualAuthenticationError

    _KERBEROS: tuple[type[Exception], ...] = (KerberosExchangeError, MutualAuthenticationError)
except ImportError:
    _KERBEROS = ()

_NOT_WINRM = "check address, ansible_port and ansible_winrm_path; on the host: winrm enumerate winrm/config/listener"
_LONGEST = 200


class Fault(Exception):
    """The host's answer was a SOAP fault: the code of wsmerror.h (0: none) and the host's words."""

    def __init__(self, code: int, words: str, quota: bool) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.quota = quota


class Refused(Exception):
    """The host answered 401 to whatever we had to show."""


def understood(error: Exception) -> Exception:
    """Return what an error of pywinrm and of the libraries under it means: Cut, Nonsense, Fault, Status or Refused.

    Nothing of the original is kept but names of types and the host's words: it may hold requests with credentials.
    """
    if isinstance(error, Cut | Nonsense | Status | TransportError):
        return error
    if isinstance(error, _KERBEROS):
        return failed(str(error))
    if isinstance(error, InvalidCredentialsError):
        return Refused()
    if isinstance(error, WSManFaultError):
        code = error.wsman_fault_code or 0
        quota = code in QUOTAS or error.wmierror_code in QUOTAS
        quota = quota or str(error.fault_subcode).endswith("QuotaLimit")
        return Fault(code, _short(error.reason), quota)
    if isinstance(error, WinRMTransportError):
        return Status(error.code)
    if isinstance(error, requests.RequestException | HTTPError | http.client.HTTPException):
        return _of_http(error)
    return Nonsense(f"the host's answer cannot be understood ({type(error).__name__})")


def explained(error: Exception, phase: str) -> TransportError:
    """Return why a host could not be asked; `phase` is `authentication` or `start`."""
    match error:
        case TransportError():
            return error
        case Cut(ended=Ended.FLOOD):
            return Unreachable("the host sends without end", reason="flood", hint="what listens on this port?")
        case Cut(ended=Ended.LOST):
            return Unreachable(
                f"the host ended the connection during {_DURING[phase]}",
                reason=f"{phase}_lost",
                hint="is the WinRM service being restarted? look at its log: Microsoft-Windows-WinRM/Operational",
            )
        case Cut():
            return TimedOut(
                f"the host used up its time during {_DURING[phase]}",
                reason=f"{phase}_timed_out",
                hint="is it overloaded? does something else than WinRM listen on this port?",
            )
        case Fault(code=code) if code == ACCESS_DENIED:
            return _denied()
        case Fault():
            return Unreachable(
                f"the host let us in but does not run a command: {error.words} (fault {error.code})",
                reason="exec_refused",
                hint="see that the policy Allow Remote Shell Access is not disabled: winrm get winrm/config/winrs",
            )
        case Status():
            return _of_status(error.code, phase)
        case Refused():
            return Unreachable(
                "the host asks for the login again in the middle of its work",
                reason=f"{phase}_lost",
                hint="does a proxy or a load balancer stand between? it must keep connections as they are",
            )
    if phase == "authentication":
        return Unreachable(f"what answers is no WinRM listener: {error}", reason="not_winrm", hint=_NOT_WINRM)
    return Unreachable(f"{error}", reason="protocol_error", hint="what listens on this port?")


_DURING = {"authentication": "the login", "start": "the start of the script"}


def refused(offered: str, proofs: int, user: str) -> AuthenticationFailed:
    """Return why a login did not work: the host refused the password, or did not want to see it."""
    if proofs:
        return AuthenticationFailed(
            f"the host refused the login of {user}",
            hint="is the password right, the account enabled and not locked, allowed to log on over the network? "
            "local accounts often are not: use a domain account",
        )
    schemes = ", ".join(sorted({word.split()[0] for word in offered.split(",") if word.strip()})) or "nothing"
    return AuthenticationFailed(
        f"the host does not offer what we may log in with (it offers {_short(schemes)}); no credential was sent",
        reason="authentication_not_offered",
        hint="on the host: winrm get winrm/config/service/auth; Kerberos and Negotiate must be true, and NTLM allowed "
        "where Kerberos is not used",
    )


def certificate_refused() -> AuthenticationFailed:
    """Return why a login with a certificate did not work."""
    return AuthenticationFailed(
        "the host refused the client certificate",
        reason="client_certificate_refused",
        hint="on the host: winrm get winrm/config/service/auth (Certificate must be true), and the mapping of the "
        r"certificate to an account: dir WSMan:\localhost\ClientCertificate",
    )


def _denied() -> AuthenticationFailed:
    return AuthenticationFailed(
        "the host let us in, but the account may not open a remote shell",
        reason="access_denied",
        hint="make it an administrator of the host; Remote Management Users is not enough: "
        "hardencheck doctor --windows-setup",
    )


def _of_status(code: int, phase: str) -> TransportError:
    if code == 403:
        return _denied()
    if code == 503:
        return Unreachable(
            "the host's web service answers, but WinRM does not (HTTP 503)",
            reason="service_unavailable",
            hint="start it on the host: Start-Service WinRM",
        )
    if phase == "authentication":
        return Unreachable(
            f"what answers is no WinRM listener (HTTP {code})",
            reason="not_winrm",
            hint=_NOT_WINRM,
        )
    return Unreachable(f"the host answers with HTTP {code}", reason="protocol_error", hint="look at its log")


def _of_http(error: Exception) -> Exception:
    inner = list(_within(error))
    if any(isinstance(each, ssl.SSLError) and "ALERT" in (each.reason or "") for each in inner):
        return Refused()
    if any(isinstance(each, http.client.RemoteDisconnected | http.client.IncompleteRead | OSError) for each in inner):
        lost = not any(isinstance(each, http.client.LineTooLong) for each in inner)
        return Cut(Ended.LOST) if lost else Nonsense("it does not speak HTTP")
    return Nonsense("it does not speak HTTP")


def _within(error: object) -> Iterator[Any]:
    """Yield an exception and those it was made of."""
    if isinstance(error, BaseException):
        if not isinstance(error, requests.RequestException):  # those are OSErrors by name only
            yield error
        for part in error.args:
            yield from _within(part)
        if isinstance(error, MaxRetryError):
            yield from _within(error.reason)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
