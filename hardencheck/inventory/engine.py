"""Sources, limit and passwords become an Inventory: the order of work, with Ansible loaded."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing import vault
from ansible.plugins.loader import init_plugin_loader

from hardencheck.errors import CredentialError, InventoryError
from hardencheck.inventory import trouble
from hardencheck.inventory.connection import host_from
from hardencheck.inventory.contents import Credentials, Inventory
from hardencheck.inventory.display import listening
from hardencheck.inventory.host_variables import HostVariables
from hardencheck.inventory.sources import Loader, Sources
from hardencheck.inventory.variables import Complaints, Variables, is_printable
from hardencheck.model.host import Host


def read(paths: list[str], limit: str | None, credentials: Credentials) -> Inventory:
    """Return the selected hosts of the inventory sources at `paths` (absolute, existing, or a list with commas)."""
    _prepare_plugins()
    with listening() as heard:
        loader = Loader(heard)
        password_file = credentials.vault_password_file or constants.DEFAULT_VAULT_PASSWORD_FILE
        with _vault_open(loader, password_file):
            sources = Sources(loader, paths, heard)
            groups = {name: tuple(hosts) for name, hosts in sources.get_groups_dict().items()}
            _refuse_unprintable([*sources.hosts, *groups])
            complaints = Complaints()
            variables = HostVariables(sources, loader)
            hosts = []
            for selected in _select(sources, limit):
                about = Variables(selected.name, variables.resolved(selected), complaints)
                hosts.append(host_from(about, variables.groups(selected), credentials))
            heard.refuse_losses(", ".join(paths))
    return Inventory(tuple(hosts), groups, heard.sentences() + complaints.sentences() + _twins(hosts))


def _twins(hosts: Iterable[Host]) -> tuple[str, ...]:
    """Return a warning for each place that several hosts share: one machine would vouch for another's name."""
    names: dict[str, list[str]] = {}
    for host in hosts:
        if host.problem is None:
            by = f" through {', '.join(hop.address for hop in host.jumps)}" if host.jumps else ""
            place = f"{host.address.lower()} port {host.port}{by}"
            names.setdefault("this machine" if host.connection == "local" else place, []).append(host.name)
    return tuple(
        f"{len(same)} hosts ({', '.join(same[:3])}{', ...' if len(same) > 3 else ''}) are one and the same: {place}; "
        "correct ansible_host, or one machine is reported under several names"
        for place, same in names.items()
        if len(same) > 1
    )


@cache
def _prepare_plugins() -> None:
    """Let Ansible find the plugins of installed collections, once in a process."""
    init_plugin_loader()


@contextmanager
def _vault_open(loader: Loader, password_file: str | None) -> Iterator[None]:
    """Give the vault password to Ansible while the inventory is read, and take it away again."""
    secrets: list[tuple[str, Any]] = []
    if password_file:
        secrets.append((constants.DEFAULT_VAULT_IDENTITY, _vault_secret(loader, password_file)))
        loader.has_vault_password = True
    loader.set_vault_secrets(secrets)
    _set_context(secrets)
    try:
        yield
    finally:
        loader.set_vault_secrets([])
        _set_context([])


def _vault_secret(loader: Loader, path: str) -> Any:
    """Return the password in the file, or that the executable file prints."""
    try:
        secret = vault.get_file_vault_secret(filename=path, vault_id=constants.DEFAULT_VAULT_IDENTITY, loader=loader)
        secret.load()
    except AnsibleError as error:
        raise CredentialError(
            f"vault password file {path!r} cannot be used: {trouble.without_values(str(error))}",
            hint="expected a readable file with the password, or a program that prints it and exits with 0",
        ) from None
    return secret


def _set_context(secrets: list[tuple[str, Any]]) -> None:
    """Hand the secrets to where ansible-core 2.19 and later look for them when a value is used; older ones do not."""
    context = getattr(vault, "VaultSecretsContext", None)
    if context is None:
        return
    current = context.current(optional=True)
    if current is None:
        context.initialize(context(secrets))
    else:
        current.secrets = secrets


def _refuse_unprintable(names: Iterable[str]) -> None:
    for name in names:
        if not is_printable(name):
            raise InventoryError(
                f"the name {trouble.printable(name)!r} holds control characters, expected a printable name",
                hint="correct the host or group name in the inventory",
            )


def _select(sources: Sources, limit: str | None) -> list[Any]:
    """Return Ansible's hosts that the pattern selects, in inventory order."""
    if not sources.hosts:
        raise InventoryError(
            f"{', '.join(sources.paths)}: the inventory names no hosts",
            hint="add a host, or give another inventory with -i; see inventory.example.ini",
        )
    if limit is None:
        return list(sources.get_hosts())
    if not limit.strip():
        # Ansible takes every host; it is what a script's unset variable looks like
        raise InventoryError("--limit: the pattern is empty", hint="name hosts or groups, or leave --limit out")
    try:
        strangers = sources.expand(limit)
        hosts = list(sources.get_hosts())
    except AnsibleError as error:
        raise InventoryError(f"--limit {limit!r}: {trouble.printable(str(error))}", hint=_PATTERNS) from None
    if strangers:
        raise InventoryError(
            f"--limit: {strangers[0]!r} matches no host and no group", hint=_close_names(sources, strangers[0])
        )
    if not hosts:
        raise InventoryError(f"--limit {limit!r} leaves no hosts", hint=_PATTERNS)
    return hosts


_PATTERNS = "patterns are Ansible's: web:&prod:!db, web*, ~web[0-9]+, web[0], @file with one pattern a line"


def _close_names(sources: Sources, term: str) -> str:
    names = [*sources.groups, *sources.hosts]
    close = difflib.get_close_matches(term.lstrip("!&@~"), names, n=3)
    return f"did you mean {', '.join(close)}?" if close else f"groups are: {', '.join(sorted(sources.groups)[:12])}"
