"""A host's variables become its connection settings: which variables count, and what their values may be."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from hardencheck.inventory import ssh_arguments
from hardencheck.inventory.contents import Credentials
from hardencheck.model.host import Become, Host, Secret
from hardencheck.model.outcome import Platform

#: Ansible's names of the connection plugins that hardencheck has a transport for
_TRANSPORTS = {
    "ssh": "ssh",
    "smart": "ssh",
    "paramiko": "ssh",
    "paramiko_ssh": "ssh",
    "local": "local",
    "winrm": "winrm",
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
_TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
_FALSE = frozenset({"n", "no", "off", "0", "false", "f", ""})


class UnusableVariableError(Exception):
    """A variable forbids contacting the host; the message is the sentence for `Host.problem`."""


@dataclass(slots=True)
class Complaints:
    """Warnings that many hosts share, each told once."""

    _hosts: dict[str, list[str]] = field(default_factory=dict)

    def add(self, sentence: str, host: str) -> None:
        """Note one warning about one host."""
        self._hosts.setdefault(sentence, []).append(host)

    def sentences(self) -> tuple[str, ...]:
        """Return every warning with the first host it is about and the number of others."""
        return tuple(
            f"{sentence} (host {hosts[0]}{f' and {len(hosts) - 1} more' if len(hosts) > 1 else ''})"
            for sentence, hosts in self._hosts.items()
        )


@dataclass(frozen=True, slots=True)
class Variables:
    """One host's variables; `value` returns a resolved value, None if unset, and raises `UnusableVariableError`."""

    host: str
    value: Callable[[str], Any]
    complaints: Complaints

    def text(self, *names: str) -> str | None:
        """Return the last set one of `names` as text; an empty one counts as unset."""
        name, value = self._last(names)
        if value is None:
            return None
        if not is_scalar(value):
            raise UnusableVariableError(f"variable {name} is not text")
        text = str(value)
        if not is_printable(text):
            raise UnusableVariableError(f"variable {name} holds control characters")
        return text or None

    def secret(self, *names: str) -> Secret | None:
        """Return the last set one of `names` as a secret; its value is in no message."""
        name, value = self._last(names)
        if value is None:
            return None
        if not is_scalar(value):
            raise UnusableVariableError(f"variable {name} is not text")
        return Secret(str(value)) if str(value) else None

    def truth(self, name: str) -> bool:
        """Return a yes or no, spelt as Ansible allows; unset is no."""
        text = (self.text(name) or "").strip().lower()
        if text not in _TRUE | _FALSE:
            raise UnusableVariableError(f"variable {name} is {text!r}, expected yes or no")
        return text in _TRUE

    def port(self, *names: str) -> int | None:
        """Return a TCP port number."""
        text = self.text(*names)
        if text is not None and not ssh_arguments.is_port(text):
            raise UnusableVariableError(f"variable {names[0]} is {text!r}, expected a number from 1 to 65535")
        return None if text is None else int(text)

    def label(self, name: str) -> str | None:
        """Return one of hardencheck's own variables; another project's structure of that name is only warned about."""
        value = self.value(name)
        if value is not None and not is_scalar(value):
            self.complaints.add(f"variable {name} is not text and is left out", self.host)
            return None
        return self.text(name)

    def _last(self, names: Sequence[str]) -> tuple[str, Any]:
        values = ((name, self.value(name)) for name in reversed(names))
        return next(((name, value) for name, value in values if value is not None), (names[0], None))


def is_printable(text: str) -> bool:
    """Say whether `text` is free of control, formatting and line separator characters."""
    return text.isprintable() or not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text)


def is_scalar(value: object) -> bool:
    """Say whether a variable's value has one plain text form."""
    return not isinstance(value, Mapping | list | tuple | AbstractSet)


def host_from(variables: Variables, groups: tuple[str, ...], credentials: Credentials) -> Host:
    """Return the Host that the variables describe; a variable that forbids connecting becomes its `problem`.

    `groups` are in the order in which Ansible merges their variables: the most general first.
    """
    name = variables.host
    settings: dict[str, Any] = {}
    try:
        for label in _LABELS:
            settings[label] = variables.label(label)
        settings |= _settings(variables, credentials)
    except (UnusableVariableError, ssh_arguments.UnusableArgumentsError) as trouble:
        settings |= {"address": name, "problem": str(trouble)}
    return Host(name=name, groups=groups, **settings)


def _settings(variables: Variables, credentials: Credentials) -> dict[str, Any]:
    """Return the fields of Host that say how to reach it."""
    connection = _connection(variables)
    address = (variables.text(*_ADDRESS) or variables.host).removeprefix("[").removesuffix("]")
    if connection == "local":
        become = _become(variables, credentials)
        return {"address": address, "connection": connection, "become": become}
    if not ssh_arguments.is_address(address):
        raise UnusableVariableError(f"{address!r} is not a host name or an IP address; set ansible_host")
    settings = {
        "address": address,
        "connection": connection,
        "user": variables.text(*_USER),
        "port": variables.port(*_PORT),
        "password": variables.secret(*_PASSWORD) or credentials.ask_pass,
    }
    if connection == "winrm":
        return settings | {"platform": Platform.WINDOWS, "port": settings["port"] or 5986}
    return settings | _ssh_settings(variables, settings) | {"become": _become(variables, credentials)}


def _connection(variables: Variables) -> str:
    plugin = variables.text("ansible_connection") or "ssh"
    transport = _TRANSPORTS.get(plugin.removeprefix("ansible.builtin."))
    if transport is None:
        raise UnusableVariableError(f"ansible_connection {plugin!r} is not supported; use ssh, winrm or local")
    return transport


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
