"""Run one script on a Linux host over SSH: one connection, one authentication, one command, one answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from paramiko import Channel, SSHException

from hardencheck.errors import Unreachable
from hardencheck.model.capture import Ended, Exchange, Limits
from hardencheck.model.host import Host
from hardencheck.transport.base import STDERR_BYTES
from hardencheck.transport.become import Verdict, compose, heard, verdict
from hardencheck.transport.client import GREETING_BYTES, Client
from hardencheck.transport.credentials import Keyring, authenticate, login_name
from hardencheck.transport.guard import Attempt, Credential, CredentialGuard
from hardencheck.transport.hostkeys import DEFAULT_FILES, HostKey, Pin, load, pinned, verify
from hardencheck.transport.jumps import Jumps
from hardencheck.transport.wire import Link, Wire

#: What sudo says of a password comes first; what is beyond this is looked at once, at the end.
_VERDICT_BYTES = 4096

#: What SSH itself adds to a host's answer at most: packet heads, padding, window messages.
_OVERHEAD_BYTES = 1024 * 1024


class SshTransport:
    """Reaches hosts with paramiko; `pins` is hardencheck's own known_hosts file, read besides the user's.

    Nothing is sent to a host whose key is not vouched for, and no password without leave of `guard`, which by itself
    remembers suspensions only as long as this transport lives. All methods may be called from many threads at once.
    """

    def __init__(self, pins: Path | None = None, guard: CredentialGuard | None = None) -> None:
        self._pins = pins
        self._guard = guard or CredentialGuard()
        self._keyring = Keyring()
        self._jumps = Jumps(self._log_in)

    def run(self, host: Host, payload: bytes, limits: Limits) -> Exchange:
        """Run `payload` with /bin/sh on the host; see `Transport.run`."""
        if host.problem is not None:
            raise Unreachable(
                host.problem, reason="host_settings", hint="correct the host's variables in the inventory"
            )
        started = time.monotonic()
        command, prefix = compose(host)
        client = self._log_in(host, self._jumps.open(host, started + limits.deadline), started + limits.deadline)
        try:
            call = _Call(command, prefix + payload, limits)
            if not prefix or host.become is None or host.become.password is None:
                return _execute(client, call, started)
            credential = Credential(f"sudo {login_name(host)}", host.become.password)
            with self._guard.attempt(credential, host.name, client.remaining()) as attempt:
                exchange = _execute(client, replace(call, on_stderr=partial(_decide, attempt)), started)
                _decide(attempt, exchange.stderr)
            return replace(exchange, stderr=heard(exchange.stderr))
        finally:
            client.finish()

    def fetch_host_key(self, host: Host, limits: Limits) -> HostKey:
        """Return the key that the host shows, whatever known_hosts says; no authentication is tried.

        Jump hosts on the way are verified and authenticated as ever. OpenSSH 9.8 and later slow down who leaves without
        authentication (PerSourcePenalties): ask once, not in a loop. Raises a TransportError.
        """
        deadline = time.monotonic() + limits.deadline
        client = Client(Wire(self._jumps.open(host, deadline), deadline, GREETING_BYTES))
        try:
            return client.shake_hands()
        finally:
            client.finish()

    def problems(self, host: Host) -> list[str]:
        """Return the malformed lines of the known_hosts files that count for this host, as `file:line: what`."""
        return [problem for path in self._files(host) for problem in load(path).problems]

    def close(self) -> None:
        """Close the connections to jump hosts and to the agent."""
        self._jumps.close()
        self._keyring.close()

    def _log_in(self, host: Host, link: Link, deadline: float) -> Client:
        """Shake hands, verify the host's key, authenticate; the link is closed when any of it fails."""
        pins = self._lines(host)
        client = Client(Wire(link, deadline, GREETING_BYTES), pins)
        try:
            verify(client.shake_hands(), pins, host.address, host.port)
            authenticate(client, host, self._keyring.offers(host), self._guard)
        except BaseException:
            client.finish()
            raise
        return client

    def _lines(self, host: Host) -> list[Pin]:
        return pinned(self._files(host), host.address, host.port)

    def _files(self, host: Host) -> list[Path]:
        files = [Path(name).expanduser() for name in host.known_hosts or DEFAULT_FILES]
        return files if self._pins is None else [*files, self._pins]


class _Answer:
    """Takes what a host sends, in paramiko's thread; `done` is set at the end of the stream, or when it is too much."""

    def __init__(self, client: Client, channel: Channel, call: _Call) -> None:
        self.done = threading.Event()
        self.flooded = False
        self.last = time.monotonic()
        self.stdout: list[bytes] = []
        self.stderr = bytearray()
        self._client = client
        self._channel = channel
        self._left = call.limits.max_bytes
        self._on_stderr = call.on_stderr

    def take(self, data: bytes, *, stderr: bool) -> None:
        """Keep what the limits allow; more than that ends the connection."""
        self.last = time.monotonic()
        kept = data[: max(0, self._left)]
        self._left -= len(data)
        if stderr:
            self.stderr += kept[: STDERR_BYTES - len(self.stderr)]
            if self._on_stderr is not None and len(self.stderr) < _VERDICT_BYTES:
                self._on_stderr(bytes(self.stderr))
        else:
            self.stdout.append(kept)
        if self._left < 0:
            self.flooded = True
            self.done.set()
            self._client.wire.hang_up()

    def end(self) -> None:
        """Note the end of one stream; only a closed channel has nothing more to say (the exit status comes late)."""
        if self._channel.closed:
            self.done.set()


class _Tap:
    """Stands where paramiko keeps a channel's input (`BufferedPipe`), and hands it on at once.

    So nobody has to be woken to read, and the host never waits for us while we wait for it.
    """

    def __init__(self, answer: _Answer, *, stderr: bool) -> None:
        self._answer = answer
        self._stderr = stderr

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        self._answer.take(data, stderr=self._stderr)

    def close(self) -> None:
        """Take note of the end."""
        self._answer.end()


@dataclass(frozen=True, slots=True)
class _Call:
    """What to run: command line, standard input, limits, and who listens while standard error grows."""

    command: str
    stdin: bytes
    limits: Limits
    on_stderr: Callable[[bytes], None] | None = None


def _decide(attempt: Attempt, stderr: bytes) -> None:
    """Tell the guard what became of the password for sudo, as soon as it can be told."""
    match verdict(stderr):
        case Verdict.TAKEN:
            attempt.accepted()
        case Verdict.REFUSED:
            attempt.refused()
        case Verdict.UNASKED:
            attempt.undecided()


def _execute(client: Client, call: _Call, started: float) -> Exchange:
    """Run one command on a connection that is logged in."""
    limits = call.limits
    client.wire.allowance = client.wire.received + limits.max_bytes + _OVERHEAD_BYTES
    try:
        # the window is the whole answer: the host need not wait for us, and we need not tell it to go on
        channel = client.open_session(window_size=limits.max_bytes + STDERR_BYTES, timeout=client.remaining())
        answer = _Answer(client, channel, call)
        channel.in_buffer = cast(Any, _Tap(answer, stderr=False))
        channel.in_stderr_buffer = cast(Any, _Tap(answer, stderr=True))
        channel.exec_command(call.command)
    except (SSHException, EOFError, OSError) as error:
        if client.is_active() and client.remaining() > 0:
            raise Unreachable(
                "the host let us in but does not run a command",
                reason="exec_refused",
                hint="the account may be limited by ForceCommand, or to SFTP; give the scan account a shell",
            ) from None
        raise client.failure("start", error) from None
    with suppress(OSError, SSHException, EOFError):  # a host that does not read its input has answered all the same
        channel.settimeout(min(limits.idle, client.remaining()))
        channel.sendall(call.stdin)
        channel.shutdown_write()
    ended = _wait(client, channel, answer, limits)
    status = channel.exit_status if channel.exit_status >= 0 else None
    return Exchange(b"".join(answer.stdout), bytes(answer.stderr), status, ended, duration=time.monotonic() - started)


def _wait(client: Client, channel: Channel, answer: _Answer, limits: Limits) -> Ended:
    """Wait until the host has said everything, or used up one of its limits."""
    while True:
        quiet = answer.last + limits.idle - time.monotonic()
        if answer.done.wait(max(0.0, min(client.remaining(), quiet))):
            break
        if client.remaining() <= 0:
            return Ended.DEADLINE
        if answer.last + limits.idle <= time.monotonic():
            return Ended.IDLE
    if answer.flooded:
        return Ended.FLOOD
    if channel.exit_status >= 0:
        return Ended.CLOSED
    return client.wire.ended or Ended.LOST
