"""A TCP connection to a host, or why there is none."""

from __future__ import annotations

import socket
import time

from hardencheck.errors import TimedOut, TransportError, Unreachable

#: How long one address of a host may take to answer, so that the next one gets its turn.
CONNECT_SECONDS = 15.0


def reach(address: str, port: int, deadline: float, service: str = "sshd") -> socket.socket:
    """Connect to a host by TCP; raises Unreachable or TimedOut. `service` is what should listen there.

    Looking up a name takes as long as the resolver allows (resolv.conf(5)), whatever the deadline is.
    """
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Unreachable(
            f"{address} has no address: {error}",
            reason="name_not_found",
            hint="check ansible_host in the inventory, and the resolver of this machine",
        ) from None
    failure: TransportError | None = None
    for family, kind, protocol, _, place in found:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            break
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(min(remaining, CONNECT_SECONDS))
            link.connect(place)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            link.close()
            failure = _unreachable(f"{place[0]} port {port}", service, error)
        else:
            return link
    if failure is None or time.monotonic() >= deadline:
        raise TimedOut(
            f"{address} port {port} was not reached in time", reason="connect_timed_out", hint="is the machine on?"
        )
    raise failure


def _unreachable(place: str, service: str, error: OSError) -> Unreachable:
    if isinstance(error, ConnectionRefusedError):
        hint = f"is {service} running, on this port? a firewall may refuse too"
        return Unreachable(f"{place} refused the connection", reason="connection_refused", hint=hint)
    if isinstance(error, TimeoutError):
        hint = "is the machine on, and does a firewall let this controller in?"
        return Unreachable(f"{place} does not answer", reason="no_answer", hint=hint)
    return Unreachable(
        f"{place}: {error.strerror or error}", reason="no_route", hint="is the machine on, is there a route?"
    )
