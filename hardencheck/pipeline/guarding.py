"""Has hosts copy what is about to be changed, keep the change or take it back; each word is a new connection.

That the connection is new is the point: what was changed is kept only by somebody who can log in and become root.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hardencheck.errors import HardencheckError, RemediationError
from hardencheck.model.capture import Ended, Limits
from hardencheck.model.host import Host
from hardencheck.model.outcome import Platform
from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import Settled, Snapshot, Undone
from hardencheck.remediate import guard, guard_windows
from hardencheck.transport.base import Transport

#: hosts with what is touched on them
Touched = Mapping[Host, Touches]
_Read = TypeVar("_Read")
#: a host that took a change back by itself is given so many seconds more to answer
GRACE = 60.0
#: so many seconds lie between two tries to reach a host that is about to take a change back
PAUSE = 5.0


class _Guard(Protocol):
    """What `hardencheck.remediate.guard` and `guard_windows` are."""

    def begin(self, run: str, touches: Touches, timer: int | None) -> bytes: ...
    def begun(self, answer: bytes, run: str, touches: Touches) -> Snapshot: ...
    def confirm(self, run: str) -> bytes: ...
    def confirmed(self, answer: bytes, run: str, touches: Touches) -> Settled: ...
    def undo(self, run: str, snapshot: Snapshot, after: Settled | None, *, force: bool) -> bytes: ...
    def undone(self, answer: bytes, run: str) -> Undone: ...


#: the guard that speaks the host's language
_GUARDS: Mapping[Platform, _Guard] = {Platform.LINUX: guard, Platform.WINDOWS: guard_windows}
#: a Windows host says nothing until it is done, and its own programs take their time
_LIMITS = {Platform.LINUX: Limits(), Platform.WINDOWS: Limits(deadline=300, idle=300)}


@dataclass(frozen=True, slots=True)
class Guards:
    """How guards are reached."""

    transports: Mapping[str, Transport]
    workers: int = 50

    def begin(self, run: str, hosts: Touched, timer: int | None) -> dict[Host, Snapshot | HardencheckError]:
        """Have hosts copy what is about to be changed, and with a timer (seconds) take it back unless it is kept."""

        def begin(host: Host) -> Snapshot:
            touches = hosts[host]
            own = _GUARDS[host.platform]
            return own.begun(self._ask(host, own.begin(run, touches, timer)), run, touches)

        return self._each(hosts, begin)

    def confirm(self, run: str, hosts: Touched) -> dict[Host, Settled | HardencheckError]:
        """Have hosts keep what was changed; each answers how it left things, or that it had taken them back."""
        return self._each(hosts, lambda host: self._confirm(run, host, hosts[host]))

    def await_return(self, run: str, hosts: Touched, timer: int) -> dict[Host, Settled | HardencheckError]:
        """Ask hosts that could not be reached again and again, until some time after their timers have run out."""
        until = time.monotonic() + timer + GRACE

        def back(host: Host) -> Settled:
            while True:
                tried = time.monotonic()
                try:
                    return self._confirm(run, host, hosts[host])
                except HardencheckError:
                    if tried > until:
                        raise
                time.sleep(PAUSE)

        return self._each(hosts, back)

    def undo(
        self, run: str, hosts: Mapping[Host, tuple[Snapshot, Settled | None]], *, force: bool
    ) -> dict[Host, Undone | HardencheckError]:
        """Have hosts put back what they had before a run."""

        def undo(host: Host) -> Undone:
            own = _GUARDS[host.platform]
            return own.undone(self._ask(host, own.undo(run, *hosts[host], force=force)), run)

        return self._each(hosts, undo)

    def _confirm(self, run: str, host: Host, touches: Touches) -> Settled:
        own = _GUARDS[host.platform]
        settled = own.confirmed(self._ask(host, own.confirm(run)), run, touches)
        if settled.outcome == "reverting":
            raise RemediationError("the host is taking the change back")
        return settled

    def _ask(self, host: Host, script: bytes) -> bytes:
        transport = self.transports.get(host.connection)
        if transport is None:
            raise RemediationError(f"nothing is put right over {host.connection}")
        exchange = transport.run(host, script, _LIMITS[host.platform])
        if exchange.ended is not Ended.CLOSED:
            raise RemediationError(f"the host did not finish its answer ({exchange.ended.value})")
        return exchange.stdout

    def _each(self, hosts: Iterable[Host], ask: Callable[[Host], _Read]) -> dict[Host, _Read | HardencheckError]:
        """Ask hosts side by side; trouble with one is its answer."""

        def one(host: Host) -> _Read | HardencheckError:
            try:
                return ask(host)
            except HardencheckError as error:
                return error

        some = list(hosts)
        with ThreadPoolExecutor(max(1, min(self.workers, len(some)))) as pool:
            return dict(zip(some, pool.map(one, some), strict=True))
