"""Servers that want to hold a thread or confuse the reader, each in a thread of its own on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: What a server does with a connection; the event is set when the test is over.
Behaviour = Callable[[socket.socket, threading.Event], None]


@contextmanager
def servers() -> Iterator[Callable[[Behaviour], int]]:
    """Yield what starts a server that behaves so with everybody who connects, and returns its port."""
    over = threading.Event()
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(behaviour: Behaviour) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        behaviour(connection, over)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        threads.append(thread)
        thread.start()
        return int(listener.getsockname()[1])

    try:
        yield start
    finally:
        over.set()
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in threads:
            thread.join(10)


def silent(connection: socket.socket, over: threading.Event) -> None:
    """Say nothing."""
    over.wait(30)


def closes_at_once(connection: socket.socket, over: threading.Event) -> None:
    """Hang up."""
    return


def answering(*answers: bytes) -> Behaviour:
    """Return a server that gives these answers, each to one request, and then says nothing more."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        for answer in answers:
            connection.recv(65536)
            connection.sendall(answer)
        over.wait(30)

    return behave
