"""A host's variables become its connection settings: which variables count, and what their values may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardencheck.inventory import ssh_arguments, winrm_settings
from hardencheck.inventory.contents import Credentials
from hardencheck.inventory.variables import UnusableVariableError, Variables
from hardencheck.model.host import Become, Host
from hardencheck.model.outcome import Platform

#: Ansible's names of the connection plugins that hardencheck has a transport for
_TRANSPORTS = {
    "ssh": "ssh",
    "smart": "ssh",
    "paramiko": "ssh",
    "paramiko_ssh": "ssh",
    "local": "local",
    "winrm": "winrm",
    "psrp": "winrm",
}
# Several names of one setting: the last one that is set wins, as in the `vars` lists of Ansible's plugins.
_ADDRESS = ("ansible_host", "ansible_ssh_host")
_PORT = ("ansible_port", "ansible_ssh_port")
_USER = ("ansible_user", "ansible_ssh_user")
_PASSWORD = ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password")
_KEY_FILE = ("ansible_private_key_file", "ansible_ssh_private_key_file")
_BECOME_USER = ("ansible_become_user", "ansible_sudo_user")
_BECOME_PASSWORD = ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass")
_SSH_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_LABELS = ("client", "process_unit", "site", "owner")


def host_from(variables: Variables, groups: tuple[str, ...], credentials: Credentials) -> Host:
    """Return the Host that the variables describe; a variable that forbids connecting becomes its `problem`.

    `groups` are in the order in which Ansible merges their variables: the most general first.
    """
    name = variables.host
    settings: dict[str, Any] = {}
    try:
        for label in _LABELS:
            settings[label] = variables.label(label)
        plugin, connection = _connection(variables)
        settings["connection"] = connection
        if connection == "winrm":
            settings["platform"] = Platform.WINDOWS
            settings |= winrm_settings.settings(variables, plugin, credentials.ask_pass)
        else:
            settings |= _settings(variables, connection, credentials)
    except (UnusableVariableError, ssh_arguments.UnusableArgumentsError) as trouble:
        settings |= {"address": name, "problem": str(trouble)}
    return Host(name=name, groups=groups, **settings)


def _settings(variables: Variables, connection: str, credentials: Credentials) -> dict[str, Any]:
    """Return the fields of Host that say how to reach a Linux host."""
    address = (variables.text(*_ADDRESS) or variables.host).removeprefix("[").removesuffix("]")
    if connection == "local":
        become = _become(variables, credentials)
        return {"address": address, "become": become}
    if not ssh_arguments.is_address(address):
        raise UnusableVariableError(f"{address!r} is not a host name or an IP address; set ansible_host")
    settings = {
        "address": address,
        "user": variables.text(*_USER),
        "port": variables.port(*_PORT),
        "password": variables.secret(*_PASSWORD) or credentials.ask_pass,
    }
    return settings | _ssh_settings(variables, settings) | {"become": _become(variables, credentials)}


def _connection(variables: Variables) -> tuple[str, str]:
    """Return the name of Ansible's plugin, and of the transport that stands for it."""
    given = variables.text("ansible_connection") or "ssh"
    plugin = given.removeprefix("ansible.builtin.")
    transport = _TRANSPORTS.get(plugin)
    if transport is None:
        raise UnusableVariableError(f"ansible_connection {given!r} is not supported; use ssh, winrm or local")
    return plugin, transport


def _ssh_settings(variables: Variables, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that ssh options may fill; a variable of its own wins over an option."""
    given = (variables.text(name) for name in _SSH_ARGUMENTS)
    arguments = ssh_arguments.parse(" ".join(text for text in given if text))
    for warning in arguments.warnings:
        variables.complaints.add(warning, variables.host)
    key_file = variables.text(*_KEY_FILE)
    return {
        "user": settings["user"] or arguments.user,
        "port": settings["port"] or arguments.port or 22,
        "key_file": arguments.key_file if key_file is None else ssh_arguments.local_path(key_file),
        "jumps": arguments.jumps,
        "known_hosts": arguments.known_hosts,
    }


def _become(variables: Variables, credentials: Credentials) -> Become | None:
    if not variables.truth("ansible_become"):
        return None
    method = variables.text("ansible_become_method") or "sudo"
    if method.removeprefix("ansible.builtin.") != "sudo":
        raise UnusableVariableError(f"ansible_become_method {method!r} is not supported; use sudo")
    password = variables.secret(*_BECOME_PASSWORD) or credentials.become_password
    return Become(variables.text(*_BECOME_USER) or "root", password)
