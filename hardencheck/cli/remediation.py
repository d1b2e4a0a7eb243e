"""What `apply` and `undo` have in common: who does it, the hosts, and the means."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hardencheck.cli.output import note, progress
from hardencheck.cli.sweep import DEADLINES
from hardencheck.cli.targets import Reach, credentials_beside, pins_beside, transports

if TYPE_CHECKING:
    from hardencheck.model.host import Host
    from hardencheck.model.sweep import Sweep
    from hardencheck.pipeline.apply import Means
    from hardencheck.storage.store import Store


def who() -> str:
    """Return the account that does this, also behind sudo, and the machine it does it from."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{platform.node()}"


def confirm(question: str, *, yes: bool) -> None:
    """Ask the person at the terminal; raises UsageError when there is nobody to ask, or the answer is no."""
    from hardencheck.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked: this is no terminal", hint="--yes goes on without asking")
    if not typer.confirm(question, default=False):
        raise UsageError("nothing was changed", hint="because the answer was no")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of how hosts are reached, and what signs what is done."""

    store: Path
    reach: Reach
    signing_key: Path | None = None
    timer: int = 0

    def hosts(self, sweep: Sweep, names: Sequence[str], limit: str | None) -> dict[str, Host]:
        """Return those of the named hosts that the limit leaves, as the sweep's inventory has them now.

        Raises UsageError when the inventory knows one no more, or none is left.
        """
        from dataclasses import replace

        from hardencheck.errors import UsageError

        again = self.reach.again(sweep.settings)
        known = {host.name: host for host in again.hosts()}
        if strangers := [name for name in names if name not in known]:
            raise UsageError(
                f"{strangers[0]}: the inventory does not know it any more", hint="give the right one with -i"
            )
        within = {host.name for host in replace(again, limit=limit).hosts()} if limit else set(known)
        found = {name: known[name] for name in names if name in within}
        if not found:
            raise UsageError(f"--limit {limit}: none of these hosts is left", hint=", ".join(names[:5]))
        return found

    @contextmanager
    def means(self, run: str, opened: Store, sweep: Sweep, hosts: Mapping[str, Host]) -> Iterator[Means]:
        """Provide what hosts are changed and looked at with."""
        from hardencheck.evidence.keys import key_beside, signer
        from hardencheck.model.capture import Limits
        from hardencheck.pipeline.again import Eyes, look_again
        from hardencheck.pipeline.apply import Means
        from hardencheck.pipeline.guarding import Guards
        from hardencheck.remediate.runner import Runner, sweep_orphans
        from hardencheck.transport.guard import CredentialGuard

        sweep_orphans()
        signs = signer(self.signing_key or key_beside(self.store), make=False)
        passwords = CredentialGuard(credentials_beside(self.store))
        ways = transports(tuple(hosts.values()), pins_beside(self.store), passwords)
        limits = {name: Limits(deadline=most, idle=min(most, Limits().idle)) for name, most in DEADLINES.items()}
        eyes = Eyes(sweep, ways, limits, signs)

        def look(some: Sequence[Host]) -> Sweep:
            with progress(len(some), quiet=False) as on_host:
                return look_again(opened, eyes, some, on_host)

        with Runner(pins_beside(self.store)) as runner:
            runner.guard = passwords
            yield Means(run, hosts, runner, Guards(ways), look, who(), signs, self.timer, note)
