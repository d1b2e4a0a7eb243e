"""What Ansible is told of hosts: how to connect, and a playbook's values; nothing else of the inventory reaches it.

Every text is marked as data, so that a template in it stays what it is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardencheck.errors import RemediationError
from hardencheck.model.host import Host, WinRm, WinRmLogin
from hardencheck.transport.winrm_login import Account
from hardencheck.transport.winrm_tls import system_authorities

_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Names that mean something to Ansible itself, and those that begin so.
_TAKEN = frozenset({"environment", "group_names", "groups", "hostvars", "inventory_dir", "omit", "vars"})
_OURS = ("ansible_", "hardencheck_", "inventory_", "play_", "playbook_", "role_")


def inventory(variables: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return what an inventory script prints of hosts and their variables."""
    hostvars = {
        alias: {name: _as_data(value) for name, value in of_host.items()} for alias, of_host in variables.items()
    }
    return json.dumps({"all": {"hosts": list(variables)}, "_meta": {"hostvars": hostvars}}).encode()


def values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a playbook's values for a host; raises RemediationError for one that would be taken for a setting."""
    for name in given:
        if not _NAME.fullmatch(name) or name in _TAKEN or name.startswith(_OURS):
            raise RemediationError(f"a playbook's value cannot be called {name!r}")
    return dict(given)


def ssh(host: Host, file: Path, program: str) -> dict[str, Any]:
    """Return the variables of a host whose connection is open, by its configuration file for ssh."""
    found = {
        "ansible_connection": "ansible.builtin.ssh",
        "ansible_host": file.stem,
        "ansible_ssh_executable": program,
        "ansible_ssh_args": f'-F "{file}"',
        "ansible_ssh_password_mechanism": "disable",
        "ansible_ssh_transfer_method": "piped",
    }
    if host.password is not None:
        # playbooks may ask whether a password was used; the password itself is not theirs
        found["ansible_password"] = ""
    return found | _become(host, host.user == "root")


def local(host: Host) -> dict[str, Any]:
    """Return the variables of this very machine."""
    return {"ansible_connection": "ansible.builtin.local"} | _become(host, os.geteuid() == 0)


def winrm(host: Host) -> dict[str, Any]:
    """Return the variables of a Windows host; raises AuthenticationFailed when it cannot be logged in to.

    They say what `inventory.winrm_settings` reads, and all that Ansible would otherwise choose by itself.
    """
    settings = host.winrm or WinRm()
    account = Account.of(host, settings)
    sealed = settings.seal or settings.scheme == "http"
    found: dict[str, Any] = {
        "ansible_connection": "ansible.builtin.winrm",
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": account.user,
        "ansible_winrm_scheme": settings.scheme,
        "ansible_winrm_path": settings.path,
        "ansible_winrm_transport": [account.login.value],
        "ansible_winrm_server_cert_validation": "validate",
        "ansible_winrm_message_encryption": "always" if sealed else "auto",
        "ansible_become": False,
    }
    if settings.scheme == "https":
        found["ansible_winrm_ca_trust_path"] = settings.ca or next(iter(system_authorities()), "")
    if account.login is WinRmLogin.CERTIFICATE:
        found["ansible_winrm_cert_pem"] = settings.certificate
        found["ansible_winrm_cert_key_pem"] = settings.certificate_key
    if account.login is WinRmLogin.KERBEROS:
        found["ansible_winrm_kinit_mode"] = "managed" if account.password else "manual"
        if settings.kerberos_name:
            found["ansible_winrm_kerberos_hostname_override"] = settings.kerberos_name
    if account.password is not None and account.login is not WinRmLogin.CERTIFICATE:
        found["ansible_password"] = account.password.reveal()
    return found


def _become(host: Host, is_root: bool) -> dict[str, Any]:
    become = host.become
    if become is None or (is_root and become.user == "root"):
        return {"ansible_become": False}
    found: dict[str, Any] = {
        "ansible_become": True,
        "ansible_become_method": "ansible.builtin.sudo",
        "ansible_become_user": become.user,
    }
    if become.password is not None:
        found["ansible_become_password"] = become.password.reveal()
    return found


def _as_data(value: Any) -> Any:
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, Mapping):
        if any(str(name).startswith("__ansible") for name in value):
            raise RemediationError("a playbook's value holds a key that Ansible takes for its own mark")
        return {str(name): _as_data(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(each) for each in value]
    return value
