"""Answers that were recorded earlier, served as if the hosts were there: for demonstrations and for tests.

A recording is a folder with one file per host, `NAME.exchange`: one line of JSON (`host`, `nonce`, `ended`,
`exit_status`, `duration` in seconds, and the lengths `stdout` and `stderr`), then the bytes of stdout and of stderr.
A collector's answer carries the nonce of its connection; a replay puts the nonce of the asking script in its place.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from hardencheck.errors import Unreachable
from hardencheck.model.capture import Ended, Exchange, Limits
from hardencheck.model.host import Host

_NONCE = re.compile(rb"(?:nonce=|\$HcNonce = ')([0-9a-f]{32})")
_SAFE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class ReplayTransport:
    """Reaches the hosts that a folder has recordings of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, host: Host, payload: bytes, limits: Limits) -> Exchange:
        """Return what the host answered when it was recorded; see `Transport.run`. More than `max_bytes` is a flood."""
        path = self._folder / _file_name(host.name)
        try:
            exchange, nonce = _decode(path.read_bytes())
        except FileNotFoundError:
            raise Unreachable(
                f"the recording {self._folder} has no answer of {host.name}",
                reason="not_recorded",
                hint="a recording holds the hosts that answered when it was made",
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unreachable(
                f"{path} is not a recording: {error}", reason="not_recorded", hint="record this host again"
            ) from None
        asked = _NONCE.match(payload)
        stdout = exchange.stdout.replace(nonce.encode(), asked[1]) if nonce and asked else exchange.stdout
        ended = Ended.FLOOD if len(stdout) > limits.max_bytes else exchange.ended
        return Exchange(
            stdout[: limits.max_bytes], exchange.stderr, exchange.exit_status, ended, duration=exchange.duration
        )

    def close(self) -> None:
        """Hold nothing, so close nothing."""


def record(folder: Path, host: Host, exchange: Exchange, nonce: str) -> Path:
    """Write what a host answered to a script with this nonce, for a later replay; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    head = {
        "host": host.name,
        "nonce": nonce,
        "ended": exchange.ended.value,
        "exit_status": exchange.exit_status,
        "duration": round(exchange.duration, 3),
        "stdout": len(exchange.stdout),
        "stderr": len(exchange.stderr),
    }
    path = folder / _file_name(host.name)
    path.write_bytes(json.dumps(head).encode() + b"\n" + exchange.stdout + exchange.stderr)
    return path


def _decode(data: bytes) -> tuple[Exchange, str]:
    """Take a file apart; raises ValueError, KeyError or TypeError when it is not a recording."""
    line, _, body = data.partition(b"\n")
    head = json.loads(line)
    length = int(head["stdout"])
    if len(body) != length + int(head["stderr"]):
        raise ValueError("its length is not what its first line says")
    status = head["exit_status"]
    exchange = Exchange(
        stdout=body[:length],
        stderr=body[length:],
        exit_status=None if status is None else int(status),
        ended=Ended(head["ended"]),
        duration=float(head["duration"]),
    )
    return exchange, str(head["nonce"])


def _file_name(host: str) -> str:
    """Name a host's file: by its own name when that is safe on every file system, else by a digest too."""
    if _SAFE.fullmatch(host):
        return f"{host}.exchange"
    slug = re.sub(r"[^a-z0-9._-]+", "-", host.lower()).strip(".-")[:40]
    return f"{slug}-{hashlib.sha256(host.encode()).hexdigest()[:12]}.exchange"
