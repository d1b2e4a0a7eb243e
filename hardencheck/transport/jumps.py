"""Connections that end elsewhere: TCP to a host, or a channel through jump hosts, which many hosts share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from paramiko import ChannelException, SSHException

from hardencheck.errors import TimedOut, TransportError, Unreachable
from hardencheck.model.host import Host, Jump
from hardencheck.transport.client import Client
from hardencheck.transport.tcp import reach
from hardencheck.transport.tunnel import Tunnel
from hardencheck.transport.wire import Link

#: For how long nobody tries a jump host again that could not be reached.
_RETRY_SECONDS = 30.0

Opener = Callable[[Host, Link, float], Client]


@dataclass
class _Shared:
    """The connection to one jump host, or how the last try failed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    client: Client | None = None
    failure: TransportError | None = None
    failed_at: float = 0.0


class Jumps:
    """Opens connections to hosts, through jump hosts where the inventory says so.

    One connection to each jump host carries the channels to all hosts behind it. A jump host gets the user's keys,
    never a password that belongs to the host behind it. One that refused its key or credential is not asked again.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._shared: dict[tuple[object, ...], _Shared] = {}

    def open(self, host: Host, deadline: float) -> Link:
        """Return a connection to the host's SSH port; raises a TransportError."""
        if not host.jumps:
            return reach(host.address, host.port, deadline)
        return self._through(host, host.jumps, (host.address, host.port), deadline)

    def close(self) -> None:
        """Close the connections to all jump hosts."""
        with self._lock:
            entries = list(self._shared.values())
            self._shared.clear()
        for entry in reversed(entries):
            if entry.client is not None:
                entry.client.finish()

    def _through(self, host: Host, hops: tuple[Jump, ...], goal: tuple[str, int], deadline: float) -> Tunnel:
        client = self._client(host, hops, deadline)
        try:
            return Tunnel.of(
                client.open_channel(
                    "direct-tcpip", goal, ("127.0.0.1", 0), timeout=max(0.1, deadline - time.monotonic())
                )
            )
        except ChannelException as error:
            raise Unreachable(
                f"the jump host {hops[-1].address} does not reach {goal[0]} port {goal[1]}: {error.text or error}",
                reason="jump_refused",
                hint="check the address as the jump host sees it, and AllowTcpForwarding in its sshd_config",
            ) from None
        except (SSHException, EOFError, OSError) as error:
            if time.monotonic() >= deadline:
                raise _silent(hops[-1]) from None
            raise Unreachable(
                f"the connection to the jump host {hops[-1].address} was lost: {error}",
                reason="jump_lost",
                hint="look at sshd's log there",
            ) from None

    def _client(self, host: Host, hops: tuple[Jump, ...], deadline: float) -> Client:
        """Return the shared connection to the last of these hops, made by whoever needs it first."""
        key = (hops, host.user, host.key_file, host.known_hosts)
        with self._lock:
            entry = self._shared.setdefault(key, _Shared())
        if not entry.lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise _silent(hops[-1])
        try:
            if entry.client is not None and entry.client.is_active():
                return entry.client
            if entry.failure is not None and not _worth_a_try(entry):
                raise _again(entry.failure)
            entry.client = self._connect(host, hops, deadline)
        except TransportError as error:
            if entry.failure is None or _worth_a_try(entry):
                entry.failure, entry.failed_at = error, time.monotonic()
            raise
        else:
            return entry.client
        finally:
            entry.lock.release()

    def _connect(self, host: Host, hops: tuple[Jump, ...], deadline: float) -> Client:
        hop = hops[-1]
        as_host = replace(
            host,
            name=hop.address,
            address=hop.address,
            port=hop.port,
            user=hop.user or host.user,
            password=None,
            become=None,
            jumps=hops[:-1],
        )
        try:
            client = self._opener(as_host, self.open(as_host, deadline), deadline)
        except TransportError as error:
            raise type(error)(
                f"jump host {hop.address}: {error.message.removeprefix(f'jump host {hop.address}: ')}",
                reason=error.reason,
                hint=error.hint,
            ) from None
        client.wire.deadline = client.wire.allowance = None
        return client


def _silent(hop: Jump) -> TimedOut:
    return TimedOut(
        f"the jump host {hop.address} did not answer in time",
        reason="connect_timed_out",
        hint="is the jump host overloaded? ask fewer hosts at a time",
    )


def _worth_a_try(entry: _Shared) -> bool:
    """A refused key or credential stays refused; an unreachable jump host may come back."""
    passing = isinstance(entry.failure, Unreachable | TimedOut)
    return passing and time.monotonic() - entry.failed_at > _RETRY_SECONDS


def _again(error: TransportError) -> TransportError:
    return type(error)(error.message, reason=error.reason, hint=error.hint)
