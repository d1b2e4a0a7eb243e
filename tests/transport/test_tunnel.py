"""A channel through a jump host: nothing is sent once its end has been sent, whoever is faster."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from paramiko import Channel, Message
from paramiko.common import MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA

from hardencheck.transport.tunnel import Tunnel


class Line:
    """Stands for the connection to the jump host: holds data back until it is told to go on, and notes what leaves."""

    def __init__(self) -> None:
        self.busy, self.go_on = threading.Event(), threading.Event()
        self.sent: list[int] = []

    def _send_user_message(self, message: Message) -> None:
        kind = message.asbytes()[0]
        if kind == MSG_CHANNEL_DATA:
            self.busy.set()
            assert self.go_on.wait(20)
        self.sent.append(kind)

    def _unlink_channel(self, chanid: int) -> None:
        pass

    def get_log_channel(self) -> str:
        return "test"

    def _sanitize_packet_size(self, size: int) -> int:
        return size

    def _sanitize_window_size(self, size: int) -> int:
        return size


def tunnel(line: Line) -> Tunnel:
    channel = Channel(1)
    channel._set_transport(cast(Any, line))  # type: ignore[attr-defined]
    channel._set_window(65536, 65536)  # type: ignore[attr-defined]
    channel._set_remote_channel(7, 65536, 32768)  # type: ignore[attr-defined]
    channel.active = True
    return Tunnel.of(channel)


@pytest.mark.parametrize("end", ["close", "_handle_close"])
def test_what_is_being_sent_leaves_before_the_end(end: str) -> None:
    line = Line()
    channel = tunnel(line)
    sender = threading.Thread(target=channel.send, args=(b"data",))
    sender.start()
    assert line.busy.wait(20)
    closer = threading.Thread(target=getattr(channel, end), args=() if end == "close" else (Message(),))
    closer.start()
    line.go_on.set()
    sender.join(20)
    closer.join(20)
    assert line.sent[0] == MSG_CHANNEL_DATA
    assert line.sent[-1] == MSG_CHANNEL_CLOSE
    assert line.sent.count(MSG_CHANNEL_DATA) == 1


def test_nothing_leaves_after_the_end() -> None:
    line = Line()
    line.go_on.set()
    channel = tunnel(line)
    channel.close()
    with pytest.raises(OSError, match="closed"):
        channel.send(b"late")
    assert MSG_CHANNEL_DATA not in line.sent
