"""The only place that reads the wire format of `collect.script`: the bytes of one host become captures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.probe import Probe

#: How much login noise (banners of rc files) may stand before the first section.
MAX_NOISE = 64 * 1024

#: exit statuses of a section that was stopped: timeout(1)'s own, and death by SIGKILL or SIGTERM (busybox)
TIMED_OUT = (124, 137, 143)

_RC = re.compile(rb"(?:\A|[\s\S])rc=(\d{1,3})\Z")


@dataclass(frozen=True, slots=True)
class Frames:
    """The sections that arrived whole, and why others did not; `complete` tells whether the end mark arrived."""

    captures: dict[str, Capture]
    refused: dict[str, str]
    complete: bool


def split(data: bytes, nonce: str, probes: Sequence[Probe]) -> Frames:
    """Split what one host sent into captures; never raises, whatever the bytes are.

    The parser is driven by lengths and never searches inside content. A section that was not asked for, comes twice,
    or does not end where its length says makes it stop: what follows cannot be trusted. Between sections, lines may end
    with CR LF, as PowerShell writes them where it may not write bytes.
    """
    mark = b"HC1 " + nonce.encode() + b" "
    asked = {probe.id: probe for probe in probes}
    captures: dict[str, Capture] = {}
    refused: dict[str, str] = {}
    position = data.find(mark, 0, MAX_NOISE + len(mark))
    while position >= 0 and data.startswith(mark, position):
        line_end = data.find(b"\n", position, position + 200)
        words = data[position + len(mark) : line_end].removesuffix(b"\r").split(b" ") if line_end > 0 else []
        if len(words) != 2 or not words[1].isdigit() or len(words[1]) > 9:
            break
        name, length = words[0].decode("ascii", "replace"), int(words[1])
        if name == "end":
            return Frames(captures, refused, complete=length == len(captures) + len(refused))
        body = data[line_end + 1 : line_end + 1 + length]
        position = line_end + 1 + length + 1
        position += data[position - 1 : position + 1] == b"\r\n"
        if data[position - 1 : position] != b"\n" or name not in asked or name in captures or name in refused:
            break
        capture = _capture(asked[name], body)
        if capture is None:
            refused[name] = "its section does not have the form that the collector writes"
        else:
            captures[name] = capture
    return Frames(captures, refused, complete=False)


def join(captures: Mapping[str, Capture], nonce: str, *, complete: bool) -> bytes:
    """Write captures as a host would have sent them: what `split` takes apart again."""
    sent = b""
    for name, capture in captures.items():
        # one byte more than its limit is how a section says that it was cut off
        stdout = capture.stdout + b"?" * capture.truncated
        tail = capture.stderr + b"rc=%d" % (capture.exit_status or 0)
        body = stdout + tail + b"%06d" % len(tail)
        sent += f"HC1 {nonce} {name} {len(body)}\n".encode() + body + b"\n"
    return sent + (f"HC1 {nonce} end {len(captures)}\n".encode() if complete else b"")


def _capture(probe: Probe, body: bytes) -> Capture | None:
    """Take one section apart; None when its trailer is not what the collector writes."""
    if len(body) < 6 or not body[-6:].isdigit():
        return None
    stderr_length = int(body[-6:])
    stdout, stderr = body[: -6 - stderr_length], body[len(body) - 6 - stderr_length : -6]
    if len(stdout) + len(stderr) + 6 != len(body) or len(stdout) > probe.max_bytes + 1:
        return None
    found = _RC.search(stderr)
    if found is None:
        return None
    status = int(found[1])
    return Capture(
        probe_id=probe.id,
        stdout=stdout[: probe.max_bytes],
        stderr=stderr[: found.start(1) - 3],
        exit_status=status,
        truncated=len(stdout) > probe.max_bytes,
        timed_out=status in TIMED_OUT,
    )
