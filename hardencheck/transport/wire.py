"""The connection to one host with an end to it: seconds in total, bytes in total, bytes per packet.

paramiko's own time-outs start anew in every phase, so that a host which feeds one byte now and then can hold a
thread for hours. Here every read and write is bounded by the same deadline; when it has passed, the stream ends, and
with it whatever waits for paramiko. No watchdog and no polling is needed.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Protocol

from hardencheck.model.capture import Ended

#: Nothing in SSH needs larger packets (OpenSSH's own limit).
PACKET_BYTES = 256 * 1024
_READ = 64 * 1024


class Link(Protocol):
    """What a socket and a channel through a jump host both can do."""

    def recv(self, nbytes: int, /) -> bytes:
        """Return what has arrived, empty at the end."""

    def send(self, data: bytes, /) -> int:
        """Send some bytes and return how many."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Bound the next calls."""

    def close(self) -> None:
        """Close for good."""


class Wire:
    """A socket-like object for paramiko that ends at its deadline, or when the host sent more than `allowance` bytes.

    `ended` tells why it ended, None while it has not, or when the host closed it. Bytes are counted as they come from
    the network, before anything parses them. `deadline` is in time.monotonic() seconds, None for no end.
    """

    def __init__(self, link: Link, deadline: float | None, allowance: int | None) -> None:
        self.deadline = deadline
        self.allowance = allowance
        self.received = 0
        self.ended: Ended | None = None
        self._link = link
        self._buffer = b""
        self._at = 0
        self._closed = False

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes, empty when the host closed the stream; EOFError when the wire has ended."""
        if size > PACKET_BYTES:
            self.ended = Ended.FLOOD
            raise EOFError("a packet longer than any that SSH needs")
        if self._at == len(self._buffer):
            self._fill()
        piece = self._buffer[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def send(self, data: bytes) -> int:
        """Send some of `data` and return how much; EOFError when the wire has ended."""
        while True:
            self._bound()
            try:
                return self._link.send(data)
            except TimeoutError:
                continue

    def settimeout(self, seconds: float | None) -> None:
        """Ignore paramiko's polling interval: the deadline bounds every call."""

    def hang_up(self) -> None:
        """Wake whoever reads or writes; the descriptor stays open until `close`, so that no other thread gets it."""
        if isinstance(self._link, socket.socket):
            with suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)
        else:
            self._link.close()

    def close(self) -> None:
        """Close the connection."""
        if not self._closed:
            self._closed = True
            self.hang_up()
            self._link.close()

    def _bound(self) -> None:
        if self.deadline is None:
            self._link.settimeout(None)
            return
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            self.ended = self.ended or Ended.DEADLINE
            raise EOFError("the host's time is used up")
        self._link.settimeout(remaining)

    def _fill(self) -> None:
        while True:
            self._bound()
            try:
                self._buffer, self._at = self._link.recv(_READ), 0
                break
            except TimeoutError:
                continue
        self.received += len(self._buffer)
        if self.allowance is not None and self.received > self.allowance:
            self.ended = Ended.FLOOD
            raise EOFError("more bytes than one host may send")
