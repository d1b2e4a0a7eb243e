"""TLS to a WinRM listener: the host's certificate is proved before anything is sent; nothing of the environment counts.

Trusted are the CAs that the inventory names, else those of this machine. The variables
SSL_CERT_FILE, REQUESTS_CA_BUNDLE and their like change nothing.
"""

from __future__ import annotations

import socket
import ssl
import time
from functools import lru_cache
from pathlib import Path

from hardencheck.errors import AuthenticationFailed, HostKeyRejected, TimedOut, TransportError, Unreachable
from hardencheck.model.host import Host, WinRm
from hardencheck.transport.winrm_errors import certificate_refused

# X509_V_ERR_* of openssl/x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _REVOKED, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 23, 62, 64

#: Where distributions keep the CAs, for a Python that was built elsewhere.
_SYSTEM_CAS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")

_TRUST = "put the CA that signed it into ansible_winrm_ca_trust_path; hardencheck never goes on without a valid one"
_REASONS = {
    _EXPIRED: ("certificate_expired", "renew the certificate of the host's HTTPS listener"),
    _NOT_YET_VALID: ("certificate_expired", "is this machine's clock right?"),
    _REVOKED: ("certificate_invalid", "its CA has withdrawn it: give the host's HTTPS listener a new certificate"),
    _WRONG_NAME: ("certificate_wrong_name", "set ansible_host to a name that the certificate is for"),
    _WRONG_ADDRESS: ("certificate_wrong_name", "set ansible_host to a name that the certificate is for"),
}
#: what OpenSSL says when nobody speaks TLS there
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
_NO_COMMON = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "DH_KEY_TOO_SMALL")


def secure(link: socket.socket, host: Host, winrm: WinRm, deadline: float) -> ssl.SSLSocket:
    """Shake hands on a connection; raises a TransportError. The connection is the caller's to close."""
    context = _context(winrm.ca, winrm.certificate, winrm.certificate_key)
    link.settimeout(max(0.001, deadline - time.monotonic()))
    try:
        return context.wrap_socket(link, server_hostname=host.address)
    except ssl.SSLCertVerificationError as error:
        reason, hint = _REASONS.get(error.verify_code, ("certificate_untrusted", _TRUST))
        raise HostKeyRejected(
            f"the host's certificate is refused: {error.verify_message}; nothing was sent", reason=reason, hint=hint
        ) from None
    except TimeoutError:
        raise TimedOut(
            "the host did not finish the TLS handshake in time",
            reason="handshake_timed_out",
            hint="is it overloaded? does something else than WinRM listen on this port?",
        ) from None
    except ssl.SSLError as error:
        raise _refusal(error) from None
    except (OSError, ValueError) as error:
        raise Unreachable(
            f"the host ended the connection during the TLS handshake ({type(error).__name__})",
            reason="handshake_lost",
            hint="does its HTTPS listener have a certificate? winrm enumerate winrm/config/listener",
        ) from None


def system_authorities() -> list[str]:
    """Return the files and folders of the CAs that this machine trusts; those that exist."""
    built_in = ssl.get_default_verify_paths()
    places = (built_in.openssl_cafile, built_in.openssl_capath, *_SYSTEM_CAS)
    return [place for place in places if Path(place).exists()]


def _refusal(error: ssl.SSLError) -> TransportError:
    words = error.reason or ""
    if any(word in words for word in _NO_TLS):
        return Unreachable(
            "what answers does not speak TLS",
            reason="not_winrm",
            hint="HTTPS is port 5986, HTTP port 5985: check ansible_port and ansible_winrm_scheme",
        )
    if any(word in words for word in _NO_COMMON):
        return Unreachable(
            f"the host and this machine have no TLS version or cipher in common ({words})",
            reason="no_common_algorithm",
            hint="the host must offer TLS 1.2 or later",
        )
    if "ALERT" in words and ("CERTIFICATE" in words or "UNKNOWN_CA" in words):
        return certificate_refused()
    return Unreachable(
        f"the TLS handshake failed ({words or 'no reason given'})",
        reason="handshake_lost",
        hint="look at the host's System log, source Schannel",
    )


@lru_cache(maxsize=64)
def _context(ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """Return settings that hosts share: reading the CAs takes longer than a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.post_handshake_auth = True
    if ca is None:
        _trust(context, *system_authorities())
    else:
        _trust_only(context, ca)
    if certificate is not None:
        _show(context, certificate, key)
    return context


def _trust(context: ssl.SSLContext, *places: str) -> None:
    for place in places:
        if Path(place).is_dir():
            context.load_verify_locations(capath=place)
        elif Path(place).is_file():
            context.load_verify_locations(cafile=place)


def _trust_only(context: ssl.SSLContext, ca: str) -> None:
    try:
        Path(ca).stat()
        _trust(context, ca)
    except (OSError, ValueError) as error:
        raise HostKeyRejected(
            f"the CA file {ca} cannot be read: {getattr(error, 'strerror', None) or 'it holds no certificate in PEM'}",
            reason="certificate_authority_unreadable",
            hint="correct ansible_winrm_ca_trust_path",
        ) from None


def _show(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    asked: list[bool] = []

    def no_passphrase() -> str:
        asked.append(True)
        return ""

    try:
        context.load_cert_chain(certificate, key, no_passphrase)
    except (OSError, ValueError) as error:
        if asked:
            raise AuthenticationFailed(
                f"the key {key or certificate} needs a passphrase",
                reason="key_needs_passphrase",
                hint="hardencheck cannot ask for it: use a key without one, readable for this user only",
            ) from None
        raise AuthenticationFailed(
            f"the certificate {certificate} or its key cannot be used: {getattr(error, 'strerror', None) or 'not PEM'}",
            reason="key_unreadable",
            hint="correct ansible_winrm_cert_pem and ansible_winrm_cert_key_pem",
        ) from None
