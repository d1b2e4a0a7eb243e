"""Asks every host at once, as many as there are workers; one round trip each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from queue import Queue
from typing import Any, Protocol

from hardencheck.collect.frame import Frames, split
from hardencheck.collect.script import new_nonce
from hardencheck.errors import TransportError, Unreachable
from hardencheck.model.capture import Exchange, Limits
from hardencheck.model.host import Host
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Probe
from hardencheck.transport.base import Transport


class Script(Protocol):
    """The collector for one set of probes of one platform."""

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The probes whose sections it runs."""

    @property
    def text(self) -> str:
        """The script without its nonce, the same on every host."""

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""

    def payload(self, nonce: str, values: Mapping[str, Any]) -> bytes:
        """Return the bytes for a host's standard input; `values` are the parameters of the probes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The sections that one host sent, and the exchange that brought them."""

    frames: Frames
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of asking one host: its answer, or the error that kept it from answering.

    `started` and `finished` are our clock around the exchange, in seconds since the epoch.
    """

    host: Host
    started: float
    finished: float
    answer: Answer | TransportError


@dataclass(frozen=True, slots=True)
class Collector:
    """How to ask: each platform's script and limits, each connection word's transport, and each host's parameters."""

    scripts: Mapping[Platform, Script]
    transports: Mapping[str, Transport]
    limits: Mapping[Platform, Limits]
    values_for: Callable[[Host], Mapping[str, Any]] = lambda host: {}

    def ask(self, host: Host) -> Collected:
        """Run the script on one host; trouble with the host is part of what it returns."""
        started = time.time()
        return Collected(host, started, answer=self._answer(host), finished=time.time())

    def _answer(self, host: Host) -> Answer | TransportError:
        nonce, script = new_nonce(), self.scripts[host.platform]
        try:
            if host.problem:
                raise Unreachable(host.problem, reason="host_settings")
            transport = self.transports.get(host.connection)
            if transport is None:
                raise Unreachable(f"connection {host.connection} is not supported yet", reason="unsupported_connection")
            exchange = transport.run(host, script.payload(nonce, self.values_for(host)), self.limits[host.platform])
        except TransportError as error:
            return error
        except Exception as error:  # noqa: BLE001  one broken connection must not end the sweep of all others
            return TransportError(f"the transport broke: {type(error).__name__}: {error}", reason="transport_error")
        return Answer(split(exchange.stdout, nonce, script.probes), exchange)


def gather(hosts: Iterable[Host], collector: Collector, workers: int) -> Generator[Collected, None, None]:
    """Yield each host's answer as it arrives, in no order; at most `workers` answers wait to be taken.

    Closing the generator stops before the next host; connections that are open end by their own deadline.
    """
    waiting, lock, stop = iter(hosts), threading.Lock(), threading.Event()
    answers: Queue[Collected | None] = Queue(maxsize=workers)

    def work() -> None:
        while not stop.is_set():
            with lock:
                host = next(waiting, None)
            if host is None:
                break
            answers.put(collector.ask(host))
        answers.put(None)

    threads = [threading.Thread(target=work, name=f"gather-{number}", daemon=True) for number in range(workers)]
    for thread in threads:
        thread.start()
    try:
        running = workers
        while running:
            answer = answers.get()
            if answer is None:
                running -= 1
            else:
                yield answer
    finally:
        stop.set()
        for transport in collector.transports.values():
            transport.close()
        while any(thread.is_alive() for thread in threads) and not answers.empty():
            answers.get_nowait()
