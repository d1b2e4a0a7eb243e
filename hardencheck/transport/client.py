"""One SSH connection with paramiko: strict algorithms, one deadline, the host key first, then the credential.

Algorithms are chosen for security (no SHA-1, MD5, CBC, DSA, no finite-field group below 2048 bits) and ordered for
speed: the elliptic-curve exchanges cost 1-2 ms, finite-field Diffie-Hellman 50-150 ms and is left for old servers.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, cast

import paramiko
from paramiko.common import MSG_CHANNEL_CLOSE
from paramiko.kex_curve25519 import KexCurve25519
from paramiko.packet import Packetizer
from paramiko.ssh_exception import IncompatiblePeer

from hardencheck.errors import TimedOut, TransportError, Unreachable
from hardencheck.model.capture import Ended
from hardencheck.transport.certificates import CERTIFICATE
from hardencheck.transport.hostkeys import HostKey, Pin
from hardencheck.transport.tunnel import handle_close
from hardencheck.transport.wire import Wire

#: What a host may send until it has let us in.
GREETING_BYTES = 256 * 1024

_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)

# what paramiko logs is either ours to tell (errors) or noise; nobody pays for formatting it
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


class NotSsh(paramiko.SSHException):
    """What answered does not speak SSH; the message shows how it began."""


class _Packets(Packetizer):
    def start_handshake(self, timeout: float) -> None:
        """Start no timer thread: the wire's deadline bounds the handshake."""


class Client(paramiko.Transport):
    """A paramiko Transport over a Wire. `shown` is the host's key or certificate once `shake_hands` has returned.

    `dismissed` says whether the host ended the connection with SSH's own message for that (RFC 4253, 11.1).
    """

    _CLIENT_ID = "hardencheck"
    _preferred_kex = (
        "mlkem768x25519-sha256",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group14-sha256",
    )
    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes256-ctr",
        "aes192-ctr",
    )
    _preferred_macs = (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    )
    _preferred_pubkeys = _HOST_KEYS
    _channel_handler_table: ClassVar = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_CLOSE: handle_close,
    }
    # paramiko knows RFC 8731's exchange by its older name only
    _kex_info: ClassVar = {**paramiko.Transport._kex_info, "curve25519-sha256": KexCurve25519}  # type: ignore[attr-defined]

    def __init__(self, wire: Wire, pins: Sequence[Pin] = ()) -> None:
        super().__init__(cast(socket.socket, wire), packetizer_class=_Packets)
        self.wire = wire
        self.shown: HostKey | None = None
        self.dismissed = False
        self._algorithms = _order(pins)

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The host-key algorithms to ask for, those that the pinned lines can vouch for first, as ssh(1) does."""
        return self._algorithms

    def shake_hands(self) -> HostKey:
        """Agree on keys and return the host's; nothing that identifies us has been sent yet.

        Raises Unreachable or TimedOut.
        """
        agreed = threading.Event()
        self.start_client(agreed)
        agreed.wait(self.remaining())
        if not self.is_active() or self.shown is None or not self.initial_kex_done:
            raise self.failure("handshake")
        return self.shown

    def remaining(self) -> float:
        """Seconds left until the deadline; a long time when there is none."""
        return 3600.0 if self.wire.deadline is None else max(0.0, self.wire.deadline - time.monotonic())

    def failure(self, phase: str, error: BaseException | None = None) -> TransportError:
        """Say why the connection ended in this phase (`handshake`, `authentication`, `start`)."""
        error = self.get_exception() or error
        if self.wire.ended is Ended.FLOOD:
            return Unreachable(
                f"the host sent more than any SSH server needs during the {phase}",
                reason="flood",
                hint="look what listens on this port",
            )
        if self.wire.ended is Ended.DEADLINE or self.remaining() <= 0:
            return TimedOut(
                f"the host's time was used up during the {phase}",
                reason=f"{phase}_timed_out",
                hint="is the host overloaded, or its sshd stuck? if it is only slow, give hosts more time: --deadline",
            )
        if isinstance(error, IncompatiblePeer):
            return Unreachable(
                f"no algorithm in common: {error}",
                reason="no_common_algorithm",
                hint="the host's SSH server offers nothing that is still safe; update it or its sshd_config",
            )
        if isinstance(error, NotSsh):
            return Unreachable(str(error), reason="not_ssh", hint="check address and port in the inventory")
        if error is None or isinstance(error, EOFError | OSError):
            return Unreachable(
                f"the host closed the connection during the {phase}",
                reason=f"{phase}_lost",
                hint="sshd may be overloaded (MaxStartups), or have banned us (PerSourcePenalties, fail2ban)",
            )
        return Unreachable(
            f"the SSH {phase} failed: {error}", reason="protocol_error", hint="compare with: ssh -v, and sshd's log"
        )

    def finish(self) -> None:
        """End the connection, and paramiko's thread with it."""
        self.wire.hang_up()
        if self.ident is not None:
            self.join(5)
        self.wire.close()

    def _check_banner(self) -> None:
        """Read lines until the server's version (RFC 4253, 4.2); the lines before it may hold any bytes."""
        first = line = self._line()
        for _ in range(1024):
            if line.startswith(b"SSH-") or not line.endswith(b"\n"):
                break
            line = self._line()
        if not first:
            raise EOFError
        version = line.rstrip(b"\r\n").decode("ascii", "replace")
        if not version.isascii() or not version.isprintable() or not version.startswith(("SSH-2.0-", "SSH-1.99-")):
            raise NotSsh(f"the port does not speak SSH 2; it says {first[:80].decode('ascii', 'replace')!r}")
        self.remote_version = version

    def _line(self) -> bytes:
        """Return the next line with its end; without one when the host closed the connection."""
        line = bytearray()
        with suppress(ConnectionError):
            while not line.endswith(b"\n") and (byte := self.wire.recv(1)):
                line += byte
        return bytes(line)

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        super()._verify_key(host_key, sig)  # type: ignore[misc]
        self.shown = HostKey(host_key)

    def _parse_disconnect(self, _message: Any) -> None:
        self.dismissed = True

    def _log(self, *_ignored: Any) -> None:
        """Log nothing."""


def _order(pins: Sequence[Pin]) -> tuple[str, ...]:
    """Put certificates first when a CA is trusted for this host, then the types of its pinned keys, then the rest."""
    certified = tuple(name + CERTIFICATE for name in _HOST_KEYS)
    types = {pin.key.key_type for pin in pins if not pin.marker}
    known = [name for name in _HOST_KEYS if name in types or (name.startswith("rsa-") and "ssh-rsa" in types)]
    first = certified if any(pin.marker == "cert-authority" for pin in pins) else ()
    return (*first, *known, *(name for name in _HOST_KEYS if name not in known))
