"""From options to hosts and baselines: the part that every command with `-i` or `--rule` shares."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardencheck.cli.output import note
from hardencheck.errors import UsageError
from hardencheck.model.host import Host, Secret
from hardencheck.report.escape import term

if TYPE_CHECKING:
    from hardencheck.model.baseline import Baseline, Tailoring
    from hardencheck.model.outcome import Level
    from hardencheck.transport.base import Transport
    from hardencheck.transport.guard import CredentialGuard

BPO_CORE = "bpo-core"


@dataclass(frozen=True, slots=True)
class Reach:
    """Which hosts, and the secrets that the user types rather than writes into the inventory."""

    inventory: Sequence[str]
    limit: str | None = None
    vault_password_file: Path | None = None
    ask_pass: bool = False
    ask_become_pass: bool = False

    def settings(self) -> dict[str, object]:
        """Return what a resumed sweep needs to ask for again; no secret, and paths that hold in any folder."""
        return {
            "inventory": [_absolute(source) for source in self.inventory],
            "limit": self.limit,
            "vault_password_file": _absolute(str(self.vault_password_file)) if self.vault_password_file else None,
            "ask_pass": self.ask_pass,
            "ask_become_pass": self.ask_become_pass,
        }

    def again(self, settings: Mapping[str, Any]) -> Reach:
        """Return how to reach a sweep's hosts once more; its limit is left out, as its hosts are known by name."""
        stored = settings["vault_password_file"]
        return Reach(
            self.inventory or settings["inventory"],
            None,
            self.vault_password_file or (Path(stored) if stored else None),
            self.ask_pass or settings["ask_pass"],
            self.ask_become_pass or settings["ask_become_pass"],
        )

    def hosts(self, tailoring: Tailoring | None = None) -> tuple[Host, ...]:
        """Return the hosts in scope; without an inventory this machine. Raises InventoryError.

        Groups and hosts that a tailoring names and the inventory does not know are said on standard error: a value
        meant for them holds nowhere.
        """
        if not self.inventory:
            if self.limit or self.ask_pass or self.ask_become_pass or self.vault_password_file:
                raise UsageError("--limit and the password options go with an inventory", hint="add -i INVENTORY")
            from hardencheck.inventory import local_host

            return (local_host(),)
        from hardencheck.inventory import Credentials, load

        credentials = Credentials(
            vault_password_file=str(self.vault_password_file) if self.vault_password_file else None,
            ask_pass=_ask("SSH password: ") if self.ask_pass else None,
            become_password=_ask("sudo password: ") if self.ask_become_pass else None,
        )
        loaded = load(self.inventory, self.limit, credentials)
        for warning in loaded.warnings:
            note(f"inventory: {term(warning)}")
        strangers = [f"group {name}" for name in tailoring.groups if name not in loaded.groups] if tailoring else []
        strangers += (
            [f"host {name}" for name in tailoring.hosts if name not in loaded.groups["all"]] if tailoring else []
        )
        for stranger in strangers:
            note(f"tailoring: the inventory has no {term(stranger)}; what is set for it holds nowhere")
        return loaded.hosts


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules of which baseline."""

    baseline: str
    tailoring: Sequence[Path] = ()
    rules: Sequence[str] = ()
    themes: Sequence[str] = ()
    tags: Sequence[str] = ()
    exclude: Sequence[str] = ()
    level: Level | None = None

    @property
    def given(self) -> bool:
        """Whether the user chose anything."""
        chosen = bool(self.tailoring) or self.level is not None or self.baseline != BPO_CORE
        return self.narrows or chosen

    @property
    def narrows(self) -> bool:
        """Whether it leaves any rule out."""
        return bool(self.rules or self.themes or self.tags or self.exclude)

    def load(self) -> Baseline:
        """Return the tailored baseline with the selected rules. Raises BaselineError, UsageError."""
        from hardencheck.baselines.load import load

        found = load(self.baseline, *self.tailoring)
        return self.of(replace(found, level=self.level) if self.level else found)

    def of(self, whole: Baseline) -> Baseline:
        """Return the selected part of a baseline. Raises UsageError when something selects nothing."""
        from hardencheck.baselines.select import select

        return select(whole, rules=self.rules, themes=self.themes, tags=self.tags, exclude=self.exclude)


def transports(hosts: Sequence[Host], pins: Path, guard: CredentialGuard) -> dict[str, Transport]:
    """Return how to reach these hosts, by connection word; `pins` is the file of `hardencheck trust`."""
    words = {host.connection for host in hosts}
    found: dict[str, Transport] = {}
    if "local" in words:
        from hardencheck.transport.local import LocalTransport

        found["local"] = LocalTransport()
    if "ssh" in words:
        from hardencheck.transport.ssh import SshTransport

        found["ssh"] = SshTransport(pins, guard)
    if "winrm" in words:
        from hardencheck.transport.winrm import WinRmTransport

        found["winrm"] = WinRmTransport(guard)
    return found


def pins_beside(store: Path) -> Path:
    """Return where `hardencheck trust` keeps host keys: beside the store."""
    return store.parent / "known_hosts"


def credentials_beside(store: Path) -> Path:
    """Return where suspended credentials are remembered: beside the store."""
    return store.parent / "credentials.json"


def _absolute(source: str) -> str:
    """Return an inventory's path as it holds in any folder; a list of host names stays as it is."""
    return source if "," in source else os.path.abspath(os.path.expanduser(source))


def _ask(prompt: str) -> Secret:
    import getpass

    if not sys.stdin.isatty():
        raise UsageError("a password can only be asked for on a terminal", hint="put it into the inventory's vault")
    return Secret(getpass.getpass(prompt))
