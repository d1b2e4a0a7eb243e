"""What came back from a host, before anyone reads it: the exchange on the wire and one capture per probe."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

#: made once: a host sends dozens of captures
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Ended(StrEnum):
    """Why a transport stopped reading from a host."""

    CLOSED = "closed"  #: the host closed the stream after its script had ended
    DEADLINE = "deadline"  #: the total time per host was used up
    IDLE = "idle"  #: nothing arrived for the idle limit
    FLOOD = "flood"  #: more bytes than one host may send
    LOST = "lost"  #: the connection broke


@dataclass(frozen=True, slots=True)
class Limits:
    """What any host may use up: seconds in total, seconds without a byte, bytes on the wire."""

    deadline: float = 120.0
    idle: float = 90.0
    max_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Exchange:
    """The raw answer of one host to one script; `stderr` holds at most its first 16 KiB."""

    stdout: bytes
    stderr: bytes
    exit_status: int | None
    ended: Ended
    duration: float


@dataclass(frozen=True, slots=True)
class Capture:
    """Raw bytes of one probe on one host.

    `exit_status` is None when it did not arrive; `truncated` means the section's byte limit was reached, `timed_out`
    that its time limit was. `to_bytes` is the canonical form whose SHA-256 is the capture's digest.
    """

    probe_id: str
    stdout: bytes
    stderr: bytes = b""
    exit_status: int | None = 0
    truncated: bool = False
    timed_out: bool = False

    def to_bytes(self) -> bytes:
        """Encode as one line of JSON with the lengths, then stdout, then stderr."""
        head = {
            "exit_status": self.exit_status,
            "probe_id": self.probe_id,
            "stderr": len(self.stderr),
            "stdout": len(self.stdout),
            "timed_out": self.timed_out,
            "truncated": self.truncated,
        }
        line = _encode(head).encode()
        return line + b"\n" + self.stdout + self.stderr

    @classmethod
    def from_bytes(cls, data: bytes) -> Capture:
        """Decode what `to_bytes` wrote; raises ValueError when lengths or keys do not fit."""
        line, _, body = data.partition(b"\n")
        head = json.loads(line)
        if len(body) != head["stdout"] + head["stderr"]:
            raise ValueError("the capture's length does not match its head")
        return cls(
            probe_id=str(head["probe_id"]),
            stdout=body[: head["stdout"]],
            stderr=body[head["stdout"] :],
            exit_status=head["exit_status"],
            truncated=bool(head["truncated"]),
            timed_out=bool(head["timed_out"]),
        )


def digest(data: bytes) -> str:
    """Return the address of evidence: SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()
