"""The variables of Ansible's connection plugins `winrm` and `psrp`: which of them hardencheck can honour, and how.

Both plugins speak to the same listener, so `psrp` is reached by WinRM too. Three things differ from Ansible on purpose:
what would send a password in clear or to a host that is not proved is a problem of the host, not a setting; Basic and
CredSSP are never used; and NTLM, not Basic, is what an account without a realm logs in with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hardencheck.inventory import ssh_arguments
from hardencheck.inventory.variables import UnusableVariableError, Variables
from hardencheck.model.host import Secret, WinRm, WinRmLogin

_HTTP, _HTTPS = 5985, 5986
_PATH = re.compile(r"/?[A-Za-z0-9._~/-]*")

#: Ansible's words for how an account proves itself -> ours; `ssl` means a certificate when there is one, else Basic
_LOGINS = {
    "kerberos": WinRmLogin.KERBEROS,
    "ntlm": WinRmLogin.NTLM,
    "negotiate": WinRmLogin.NEGOTIATE,
    "auto": WinRmLogin.NEGOTIATE,
    "certificate": WinRmLogin.CERTIFICATE,
}
_BASIC = "Basic shows every host the password itself; use kerberos or ntlm"
_REFUSED = {
    "basic": _BASIC,
    "plaintext": _BASIC,
    "ssl": _BASIC,
    "credssp": "CredSSP hands every host the password, to use as it likes; use kerberos or ntlm",
}


@dataclass(frozen=True, slots=True)
class _Names:
    """How one plugin spells what both have, `winrm` if nothing is said; of several names the last that is set wins."""

    address: tuple[str, ...] = ("ansible_ssh_host", "ansible_host", "ansible_winrm_host")
    port: tuple[str, ...] = ("ansible_ssh_port", "ansible_port", "ansible_winrm_port")
    user: tuple[str, ...] = ("ansible_ssh_user", "ansible_user", "ansible_winrm_user")
    #: `psrp` has these names too
    password: tuple[str, ...] = ("ansible_ssh_pass", "ansible_password", "ansible_winrm_pass", "ansible_winrm_password")
    scheme: str = "ansible_winrm_scheme"
    path: str = "ansible_winrm_path"
    login: str = "ansible_winrm_transport"
    validation: str = "ansible_winrm_server_cert_validation"
    ca: tuple[str, ...] = ("ansible_winrm_ca_trust_path",)
    certificate: str = "ansible_winrm_cert_pem"
    certificate_key: str = "ansible_winrm_cert_key_pem"
    encryption: str = "ansible_winrm_message_encryption"
    kerberos_name: str = "ansible_winrm_kerberos_hostname_override"
    proxy: str = "ansible_winrm_proxy"


_WINRM = _Names()
_PSRP = _Names(
    address=("ansible_ssh_host", "ansible_host", "ansible_psrp_host"),
    port=("ansible_ssh_port", "ansible_port", "ansible_psrp_port"),
    user=("ansible_ssh_user", "ansible_user", "ansible_psrp_user"),
    scheme="ansible_psrp_protocol",
    path="ansible_psrp_path",
    login="ansible_psrp_auth",
    validation="ansible_psrp_cert_validation",
    ca=("ansible_psrp_cert_trust_path", "ansible_psrp_ca_cert"),
    certificate="ansible_psrp_certificate_pem",
    certificate_key="ansible_psrp_certificate_key_pem",
    encryption="ansible_psrp_message_encryption",
    kerberos_name="ansible_psrp_negotiate_hostname_override",
    proxy="ansible_psrp_proxy",
)


def settings(variables: Variables, plugin: str, ask_pass: Secret | None) -> dict[str, Any]:
    """Return the fields of Host that say how to reach a Windows host; raises UnusableVariableError.

    `plugin` is `winrm` or `psrp`, `ask_pass` the password of a host for which the inventory names none.
    """
    names = _WINRM if plugin == "winrm" else _PSRP
    address = (variables.text(*names.address) or variables.host).removeprefix("[").removesuffix("]")
    if not ssh_arguments.is_address(address):
        raise UnusableVariableError(f"{address!r} is not a host name or an IP address; set ansible_host")
    if variables.text(names.proxy) is not None:
        raise UnusableVariableError(f"{names.proxy} is not supported: hardencheck connects to the host itself")
    if (variables.text("ansible_psrp_configuration_name") or "Microsoft.PowerShell") != "Microsoft.PowerShell":
        raise UnusableVariableError("ansible_psrp_configuration_name is not supported: the checks need the whole shell")
    if variables.truth("ansible_become"):
        variables.complaints.add(
            "ansible_become is ignored for Windows: the account itself needs rights", variables.host
        )
    port = variables.port(*names.port)
    winrm = _winrm(variables, names, port)
    password = variables.secret(*names.password) or ask_pass
    if variables.choice("ansible_winrm_kinit_mode", ("managed", "manual")) == "manual":
        password = None if winrm.login is WinRmLogin.KERBEROS else password
    return {
        "address": address,
        "port": port or (_HTTP if winrm.scheme == "http" else _HTTPS),
        "user": variables.text(*names.user),
        "password": password,
        "winrm": winrm,
    }


def _winrm(variables: Variables, names: _Names, port: int | None) -> WinRm:
    scheme = variables.choice(names.scheme, ("http", "https")) or ("http" if port == _HTTP else "https")
    path = variables.text(names.path) or "/wsman"
    if not _PATH.fullmatch(path):
        raise UnusableVariableError(f"variable {names.path} is {path!r}, expected a path such as /wsman")
    if variables.choice(names.validation, ("validate", "ignore")) == "ignore" and scheme == "https":
        raise UnusableVariableError(
            f"{names.validation} is 'ignore', but hardencheck logs in nowhere without a valid certificate; put the CA "
            f"into {names.ca[0]}"
        )
    login = _login(variables, names)
    encryption = variables.choice(names.encryption, ("auto", "always", "never"))
    if scheme == "http" and (encryption == "never" or login is WinRmLogin.CERTIFICATE):
        raise UnusableVariableError(
            "nothing is sent over plain HTTP without message encryption; use https (port 5986), or kerberos or ntlm "
            f"with {names.encryption}: always"
        )
    authority = None if variables.text(*names.ca) == "legacy_requests" else variables.path(*names.ca)
    return WinRm(
        scheme=scheme,
        path=f"/{path.removeprefix('/')}",
        login=login,
        ca=authority,
        certificate=variables.path(names.certificate) if login is WinRmLogin.CERTIFICATE else None,
        certificate_key=variables.path(names.certificate_key) if login is WinRmLogin.CERTIFICATE else None,
        seal=encryption == "always" and login is not WinRmLogin.CERTIFICATE,
        kerberos_name=variables.text(names.kerberos_name),
    )


def _login(variables: Variables, names: _Names) -> WinRmLogin:
    """Return the first way to log in that the variables name and hardencheck has."""
    certificate = variables.text(names.certificate)
    asked = [word.lower() for word in variables.words(names.login)]
    if not asked:
        # Ansible's `ssl`, its default for an account without a realm, shows a certificate where there is one
        return WinRmLogin.CERTIFICATE if certificate and names is _WINRM else WinRmLogin.NEGOTIATE
    for word in asked:
        if word in _LOGINS or (word == "ssl" and certificate):
            found = _LOGINS.get(word, WinRmLogin.CERTIFICATE)
            if found is WinRmLogin.CERTIFICATE and not (certificate and variables.text(names.certificate_key)):
                raise UnusableVariableError(
                    f"{names.login} asks for a certificate; set {names.certificate} and {names.certificate_key}"
                )
            return found
    why = _REFUSED.get(asked[0], "use kerberos, ntlm or certificate")
    raise UnusableVariableError(f"{names.login} {asked[0]!r} is not supported: {why}")
