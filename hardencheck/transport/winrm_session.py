"""What is asked at a WinRM listener after the login: one shell, one command, its input and its output.

pywinrm builds and reads the messages; here every one of them gets an end, and every error a meaning.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from winrm.exceptions import WinRMOperationTimeoutError
from winrm.protocol import Protocol

from hardencheck.transport.bootstrap import encoded
from hardencheck.transport.winrm_errors import Fault, understood
from hardencheck.transport.winrm_wire import Nonsense, Stream

#: What a host is asked to answer within, and what it may be late.
_OPERATION_SECONDS = 15
_LATE = 10.0

#: A host that takes 150 KB in one message takes this much input in it, as base64 and with its envelope.
_SEND_BYTES = 96 * 1024

#: Not looked for in the current folder or in PATH, where somebody may have put another one.
_POWERSHELL = r"%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe"
_ARGUMENTS = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-EncodedCommand")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what a command wrote; `exit_status` comes with the last one."""

    stdout: bytes = b""
    stderr: bytes = b""
    done: bool = False
    exit_status: int | None = None


class Session:
    """A connection that is logged in. Every method raises what `winrm_errors.understood` returns.

    `deadline` bounds everything that is asked on it, in time.monotonic() seconds.
    """

    def __init__(self, protocol: Protocol, stream: Stream, deadline: float) -> None:
        self._protocol = protocol
        self._stream = stream
        self.deadline = deadline
        #: whether another question makes sense; not after the connection ended, or the host talked nonsense
        self.usable = True

    def create(self) -> str:
        """Open a shell and return its id."""
        with self._asking(_OPERATION_SECONDS):
            return self._protocol.open_shell(codepage=65001, noprofile=True, idle_timeout="PT300S")

    def start(self, shell: str) -> str:
        """Start PowerShell in a shell, waiting for the script on its standard input, and return the command's id."""
        with self._asking(_OPERATION_SECONDS):
            return self._protocol.run_command(shell, _POWERSHELL, (*_ARGUMENTS, encoded()), console_mode_stdin=False)

    def send(self, shell: str, command: str, payload: bytes) -> None:
        """Write the script to the command's standard input, and close it."""
        for begin in range(0, max(1, len(payload)), _SEND_BYTES):
            end = begin + _SEND_BYTES
            with self._asking(_OPERATION_SECONDS):
                self._protocol.send_command_input(shell, command, payload[begin:end], end=end >= len(payload))

    def receive(self, shell: str, command: str, seconds: float) -> Piece:
        """Return what the command wrote meanwhile, an empty piece when it wrote nothing for about `seconds`."""
        with self._asking(min(_OPERATION_SECONDS, max(1, int(seconds)))):
            try:
                stdout, stderr, status, done = self._protocol.get_command_output_raw(shell, command)
            except WinRMOperationTimeoutError:
                return Piece()
            if done and not -(2**31) <= status < 2**32:
                raise Nonsense("an exit status is no 32-bit number")
        return Piece(stdout, stderr, done, status if done else None)

    def delete(self, shell: str) -> None:
        """Close a shell; what still runs in it is ended by the host."""
        with self._asking(_OPERATION_SECONDS):
            self._protocol.close_shell(shell, close_session=False)

    def close(self) -> None:
        """Close the connection."""
        self._protocol.transport.close_session()
        self._stream.end()

    @contextmanager
    def _asking(self, seconds: int) -> Iterator[None]:
        """Let the host answer within `seconds`, which it is told, and a little later."""
        self._protocol.operation_timeout_sec = seconds
        self._stream.deadline = min(self.deadline, time.monotonic() + seconds + _LATE)
        try:
            with translated():
                yield
        except (Fault, WinRMOperationTimeoutError):
            raise
        except BaseException:
            self.usable = False
            raise


@contextmanager
def translated() -> Iterator[None]:
    """Let out what an error of pywinrm means in place of the error itself."""
    try:
        yield
    except WinRMOperationTimeoutError:
        raise
    except Exception as error:  # noqa: BLE001 - pywinrm lets out whatever a host makes it stumble over
        raise understood(error) from None
