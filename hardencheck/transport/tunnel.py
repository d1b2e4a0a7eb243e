"""A channel through a jump host that never sends after it has closed."""

from __future__ import annotations

import threading
from typing import Any, cast

from paramiko import Channel
from paramiko.message import Message

#: For how long the jump connection's own thread waits for a piece that is being sent to one host.
_PATIENCE = 1.0


class Tunnel(Channel):
    """The connection to one host behind a jump host.

    paramiko lets go of a channel's lock before it sends, so a piece of data may leave after the message that closes the
    channel. OpenSSH answers that by ending the whole connection ("data packet referred to nonexistent channel"), and
    with it the channels to all other hosts behind the jump host. Here `order` is held while anything is sent.
    """

    order: threading.Lock

    @classmethod
    def of(cls, channel: Channel) -> Tunnel:
        """Return the channel as a Tunnel; paramiko makes every channel itself, so its class is changed."""
        tunnel = cast(Tunnel, channel)
        tunnel.order = threading.Lock()
        tunnel.__class__ = cls
        return tunnel

    def close(self) -> None:
        """Close the channel, after what is being sent."""
        with self.order:
            super().close()

    def _send(self, s: bytes, m: Message) -> int:
        channel = cast(Any, self)
        with channel.lock:
            size = 0 if channel.closed else int(channel._wait_for_send_window(len(s)))
            if size:
                m.add_string(s[:size])
        with self.order:
            if channel.closed:
                raise OSError("the channel is closed")
            if size:
                channel.transport._send_user_message(m)
        return size

    def _handle_close(self, m: Message) -> None:
        # the jump connection's own thread must not wait for long: it brings the window that a sender may wait for
        held = self.order.acquire(timeout=_PATIENCE)
        try:
            cast(Any, super())._handle_close(m)
        finally:
            if held:
                self.order.release()


def handle_close(channel: Any, message: Message) -> None:
    """Let a channel close as its own class does; paramiko's table names the base class."""
    channel._handle_close(message)
