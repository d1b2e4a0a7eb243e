"""Run one script on this very machine, under the same limits as on any other host."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import IO, cast

from hardencheck.errors import Unreachable
from hardencheck.model.capture import Ended, Exchange, Limits
from hardencheck.model.host import Host
from hardencheck.transport.base import STDERR_BYTES
from hardencheck.transport.become import compose, heard

_READ = 64 * 1024


class LocalTransport:
    """Reaches this machine, as the user that runs hardencheck, with sudo where the inventory asks for it."""

    def run(self, host: Host, payload: bytes, limits: Limits) -> Exchange:
        """Run `payload` with /bin/sh; see `Transport.run`."""
        if host.problem is not None:
            raise Unreachable(
                host.problem, reason="host_settings", hint="correct the host's variables in the inventory"
            )
        # who is root already needs no sudo to become it
        command, prefix = compose(replace(host, user="root") if os.geteuid() == 0 else host)
        started = time.monotonic()
        with _shell(command) as process:
            pump = _Pump(process, prefix + payload, limits.max_bytes)
            ended = pump.run(started + limits.deadline, limits.idle)
            status = process.poll() if ended is Ended.CLOSED else None
        if ended is Ended.CLOSED and (status is None or status < 0):
            ended, status = Ended.LOST, None
        return Exchange(bytes(pump.stdout), heard(bytes(pump.stderr)), status, ended, time.monotonic() - started)

    def close(self) -> None:
        """Hold nothing, so close nothing."""


@contextmanager
def _shell(command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the command in a process group of its own, and leave nothing of it behind."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the one command line that this transport exists for
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
            bufsize=0,
        )
    except OSError as error:
        raise Unreachable(f"/bin/sh could not be started: {error.strerror}", reason="exec_refused") from None
    try:
        yield process
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):  # what sudo started is not ours to kill; it ends with its pipes
            process.wait(5)


@dataclass
class _Pump:
    """Feeds a process and drains it at the same time, so that neither side ever waits for the other."""

    process: subprocess.Popen[bytes]
    stdin: bytes
    left: int
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)

    def run(self, deadline: float, idle: float) -> Ended:
        """Go on until the process has closed its output and ended, or a limit is reached."""
        pending = memoryview(self.stdin)
        last = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for pipe, events in self._pipes():
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, events)
            while len(selector.get_map()) > 0:
                now = time.monotonic()
                if now >= deadline:
                    return Ended.DEADLINE
                if now - last >= idle:
                    return Ended.IDLE
                for key, _ in selector.select(min(deadline, last + idle) - now):
                    if key.events == selectors.EVENT_WRITE:
                        pending = _feed(key.fd, pending)
                        alive = bool(pending)
                    else:
                        last = time.monotonic()
                        alive = self._drain(key.fd, stderr=key.fileobj is self.process.stderr)
                    if not alive:
                        selector.unregister(key.fileobj)
                        cast(IO[bytes], key.fileobj).close()
                    if self.left < 0:
                        return Ended.FLOOD
        return self._end(min(deadline, last + idle) - time.monotonic(), deadline)

    def _pipes(self) -> list[tuple[IO[bytes], int]]:
        read = [(pipe, selectors.EVENT_READ) for pipe in (self.process.stdout, self.process.stderr) if pipe is not None]
        return read + ([(self.process.stdin, selectors.EVENT_WRITE)] if self.process.stdin is not None else [])

    def _drain(self, fd: int, *, stderr: bool) -> bool:
        """Read what is there; False at the end of the stream."""
        data = os.read(fd, _READ)
        kept = data[: max(0, self.left)]
        self.left -= len(data)
        if stderr:
            self.stderr += kept[: STDERR_BYTES - len(self.stderr)]
        else:
            self.stdout += kept
        return bool(data)

    def _end(self, seconds: float, deadline: float) -> Ended:
        """Wait for the exit status of a process that has closed its output."""
        try:
            self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return Ended.DEADLINE if time.monotonic() >= deadline else Ended.IDLE
        return Ended.CLOSED


def _feed(fd: int, pending: memoryview) -> memoryview:
    """Write what the pipe takes; nothing is left to write once the process stopped reading."""
    try:
        return pending[os.write(fd, pending[:_READ]) :]
    except BlockingIOError:
        return pending
    except OSError:
        return pending[:0]
