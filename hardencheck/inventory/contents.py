"""What goes into reading an inventory, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hardencheck.model.host import Host, Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """The passwords that the command line asked for or pointed to; a host's own variables win over them.

    `vault_password_file` may be an executable that prints the password, as Ansible allows. `ask_pass` is the login
    password, `become_password` the one for sudo.
    """

    vault_password_file: str | None = None
    ask_pass: Secret | None = None
    become_password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """The selected hosts, in inventory order, and all groups of the inventory (name -> names of its hosts).

    `warnings` are sentences for the user about settings that Ansible or hardencheck does not act upon.
    """

    hosts: tuple[Host, ...]
    groups: Mapping[str, tuple[str, ...]]
    warnings: tuple[str, ...] = ()
