"""Run one script on a Windows host over WinRM: one connection, one login, one shell, one PowerShell, one answer.

The script goes to PowerShell's standard input, where length has no limit. When the connection is lost in the middle,
the whole of it is run once more on a new one, as nothing of it changes the host. The shell is closed whatever happens;
where that is not possible, the host closes it after five minutes without a question.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field

from hardencheck.errors import TransportError, Unreachable
from hardencheck.model.capture import Ended, Exchange, Limits
from hardencheck.model.host import Host, WinRmLogin
from hardencheck.transport.base import STDERR_BYTES
from hardencheck.transport.clixml import plain
from hardencheck.transport.guard import CredentialGuard
from hardencheck.transport.winrm_errors import Fault, Refused, certificate_refused, explained
from hardencheck.transport.winrm_kerberos import Tickets
from hardencheck.transport.winrm_login import log_in
from hardencheck.transport.winrm_session import Session
from hardencheck.transport.winrm_wire import Cut, Nonsense, Status

#: What can go wrong in a session.
_TROUBLE = (Cut, Nonsense, Fault, Status, Refused)

#: Standard error before progress records and their like are taken out of it.
_RAW_STDERR_BYTES = 16 * STDERR_BYTES

#: The part of a host's time that is kept for closing its shell, in seconds at most.
_CLOSING = 5.0

#: WinRM waits for output for whole seconds.
_SHORTEST = 1.0

#: Between two tries for a shell where the account has too many open, in seconds; doubled each time.
_QUOTA_PAUSE, _QUOTA_PAUSE_MOST = 0.5, 8.0

#: Between two questions to a host that answers at once that it has nothing to say, in seconds.
_BREATH = 0.02

# they log what they send and get on levels that nobody asked for, and Kerberos its errors, which are told by us
for _name in ("requests_kerberos", "winrm", "urllib3", "spnego"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class WinRmTransport:
    """Reaches Windows hosts with pywinrm; every password is tried under `guard`. For many threads at once."""

    def __init__(self, guard: CredentialGuard) -> None:
        self._guard = guard
        self._tickets = Tickets()

    def run(self, host: Host, payload: bytes, limits: Limits) -> Exchange:
        """Run `payload`, a PowerShell script in ASCII, on the host; see `Transport.run`."""
        if host.problem is not None:
            raise Unreachable(
                host.problem, reason="host_settings", hint="correct the host's variables in the inventory"
            )
        visit = _Visit(host, payload, limits)
        try:
            self._ask(visit)
        except TransportError as error:
            if error.reason != "start_lost" or not visit.may_repeat:
                raise
            self._ask_again(visit)
        else:
            if visit.answer.ended is Ended.LOST and visit.may_repeat:
                self._ask_again(visit)
        return visit.exchange()

    def close(self) -> None:
        """Forget the Kerberos tickets of this run."""
        self._tickets.close()

    def _ask_again(self, visit: _Visit) -> None:
        """Run the script once more; what the first run left is kept when the second brings less."""
        first = visit.answer
        try:
            self._ask(visit)
        except TransportError:
            if not first.started:
                raise
            visit.answer = first
        if visit.answer.ended is Ended.LOST and len(visit.answer.stdout) < len(first.stdout):
            visit.answer = first

    def _ask(self, visit: _Visit) -> None:
        """Log in and run the script; raises a TransportError when it was not started."""
        visit.answer = _Answer()
        with closing(log_in(visit.host, self._guard, self._tickets, visit.deadline)) as session:
            _close_shells(session, visit)  # of a connection that was lost
            try:
                command = _start(session, visit)
                visit.answer.started = True
                visit.answer.ended = _converse(session, visit, command)
            except _TROUBLE as error:
                if isinstance(error, Refused) and visit.shows_certificate:
                    raise certificate_refused() from None
                raise explained(error, "start") from None
            finally:
                _close_shells(session, visit)


@dataclass
class _Answer:
    """What one run of the script brought."""

    started: bool = False
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    exit_status: int | None = None
    ended: Ended = Ended.LOST
    broken: bool = False
    last: float = field(default_factory=time.monotonic)


class _Visit:
    """One host's turn: its limits, the shells that are open there, the answer so far."""

    def __init__(self, host: Host, payload: bytes, limits: Limits) -> None:
        self.host = host
        self.payload = payload
        self.limits = limits
        self.started = time.monotonic()
        self.deadline = self.started + limits.deadline
        self.until = self.deadline - min(_CLOSING, limits.deadline / 10)
        self.shells: list[str] = []
        self.answer = _Answer()

    @property
    def may_repeat(self) -> bool:
        """Whether there is time for another run, and the host did not talk nonsense."""
        return not self.answer.broken and time.monotonic() < self.started + self.limits.deadline * 0.75

    @property
    def shows_certificate(self) -> bool:
        """Whether the first request is the login."""
        return self.host.winrm is not None and self.host.winrm.login is WinRmLogin.CERTIFICATE

    def exchange(self) -> Exchange:
        """Return what came back."""
        stderr = plain(bytes(self.answer.stderr))[:STDERR_BYTES]
        duration = time.monotonic() - self.started
        return Exchange(bytes(self.answer.stdout), stderr, self.answer.exit_status, self.answer.ended, duration)


def _start(session: Session, visit: _Visit) -> str:
    """Open a shell and start PowerShell in it, as soon as the account has not too many; return the command's id."""
    pause = _QUOTA_PAUSE
    while True:
        try:
            visit.shells.append(session.create())
            return session.start(visit.shells[-1])
        except Fault as fault:
            if not fault.quota:
                raise
            _close_shells(session, visit)
            if time.monotonic() + pause > visit.started + visit.limits.deadline / 2:
                raise Unreachable(
                    f"the account has too many shells or operations open at the host: {fault.words}",
                    reason="quota",
                    hint="do other tools work with this account? MaxShellsPerUser: winrm get winrm/config/winrs",
                ) from None
        time.sleep(pause)
        pause = min(2 * pause, _QUOTA_PAUSE_MOST)


def _converse(session: Session, visit: _Visit, command: str) -> Ended:
    """Send the script and take what it writes, until it ends or a limit is reached."""
    answer = visit.answer
    try:
        with suppress(Fault):  # a command that does not read its input has answered all the same
            session.send(visit.shells[-1], command, visit.payload)
        return _listen(session, visit, command)
    except Cut as cut:
        if cut.ended is Ended.DEADLINE and time.monotonic() < visit.until:
            return Ended.LOST  # it did not answer a question that it should have answered by now
        return cut.ended
    except (Nonsense, Status, Refused):
        answer.broken = True
        return Ended.LOST
    except Fault:  # the shell is gone: the service or the host restarts
        return Ended.LOST


def _listen(session: Session, visit: _Visit, command: str) -> Ended:
    answer, limits = visit.answer, visit.limits
    answer.last = time.monotonic()
    while True:
        now = time.monotonic()
        if now >= visit.until - _SHORTEST:
            return Ended.DEADLINE
        if now >= answer.last + limits.idle:
            return Ended.IDLE
        piece = session.receive(visit.shells[-1], command, min(visit.until, answer.last + limits.idle) - now)
        if piece.stdout or piece.stderr:
            answer.last = time.monotonic()
        elif not piece.done:
            time.sleep(_BREATH)
        left = limits.max_bytes - len(answer.stdout) - len(answer.stderr)
        answer.stdout += piece.stdout[: max(0, left)]
        answer.stderr += piece.stderr[: max(0, min(left, _RAW_STDERR_BYTES - len(answer.stderr)))]
        if len(piece.stdout) + len(piece.stderr) > left:
            return Ended.FLOOD
        if piece.done:
            answer.exit_status = piece.exit_status
            return Ended.CLOSED


def _close_shells(session: Session, visit: _Visit) -> None:
    """Close all shells, as well as can be: nobody is told when it does not work, and a lost connection keeps them."""
    while visit.shells and session.usable:
        with suppress(*_TROUBLE):
            session.delete(visit.shells[-1])
        if session.usable:
            visit.shells.pop()
