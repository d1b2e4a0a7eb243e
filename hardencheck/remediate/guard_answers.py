"""What the guards of Linux and Windows hosts have in common: names of runs, timers, and how their answers are read.

What a host answers is data: bounded, strict, and never a path on the controller or a word of a script. The first line
is a head that names the run, the last one says how many lines stand between.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NoReturn, TypeVar

from hardencheck.errors import RemediationError
from hardencheck.model.snapshot import Left, Settled, Snapshot, Undone

#: What `Left.reason` means.
REASONS: Mapping[str, str] = {
    "changed-since": "somebody has changed it since the run",
    "copy-changed": "the host's copy is not what it was",
    "copy-missing": "the host's copy is gone",
    "files-left": "files that were left as they are may need it",
    "needed-or-busy": "other packages need it, or packages are being installed just now",
    "not-empty": "the folder or key holds what the run did not make",
    "not-restored": "it could not be put back as it was",
    "not-writable": "it cannot be written",
    "only-ssh": "the rules of before do not load; SSH alone is let in now",
    "removed": "the run removed it, and nothing installs it again",
    "settings-invalid": "sshd refuses the settings; it goes on with those that it has read before",
    "upgraded": "the run upgraded it, and nothing takes that back",
}
#: More than the longest answer that the scripts' own bounds allow.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
#: A digest as a pattern.
SHA: Final = "[0-9a-f]{64}"

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_SECONDS = range(5, 24 * 3600)
_HEX = re.compile(SHA)

_Thing = TypeVar("_Thing")


def check_run(run: str) -> None:
    """Raise RemediationError when a run has a name that no host could be given."""
    if not _RUN.fullmatch(run):
        raise RemediationError(f"{run!r} is no name of a run")


def check_timer(timer: int | None) -> None:
    """Raise RemediationError when a run is to be put back at once, or after a day."""
    if timer is not None and timer not in _SECONDS:
        raise RemediationError(f"a run is put back between {_SECONDS[0]} and {_SECONDS[-1]} seconds after it began")


def known_digests(run: str, snapshot: Snapshot, after: Settled | None) -> tuple[str, str]:
    """Return the digests of what was there before a run and after it; raises RemediationError when it is another's."""
    found = (snapshot.digest, "" if after is None else after.digest)
    if any(digest and not _HEX.fullmatch(digest) for digest in found):
        raise RemediationError("the snapshot of the run has no digest")
    if snapshot.run != run or (after is not None and after.run != run):
        raise RemediationError("the snapshot is that of another run")
    return found


def kept(answer: bytes, run: str, revert: bytes, touched: Iterable[str]) -> tuple[str, list[str]]:
    """Return the digest of the revert script in an answer to `begin`, and the lines that say what was there.

    `revert` is the script that the host was to keep, `touched` are the lines that tell it what is touched.
    """
    _, found = lines(answer, run, {"begin"})
    said = found.pop()[len("revert ") :] if found and found[-1].startswith("revert ") else ""
    if said != hashlib.sha256(revert).hexdigest():
        raise RemediationError("the host did not keep the revert script that it was sent")
    asked = [f"touched {each}" for each in touched]
    if found[: len(asked)] != asked:
        raise not_kept()
    return said, found[len(asked) :]


def not_kept() -> RemediationError:
    """Return the error for a host that keeps less than it was asked to."""
    return RemediationError("the host does not keep what it was asked to")


def undone(answer: bytes, run: str, nouns: str) -> Undone:
    """Read the answer to `undo`, whose things are of these nouns (`a|b`); raises RemediationError."""
    restored_line = re.compile(rf"restored ({nouns}) ([^\x00-\x1f\x7f]{{1,4200}})")
    left_line = re.compile(rf"left ({nouns}) ([a-z-]{{1,30}}) ([^\x00-\x1f\x7f]{{1,4200}})")
    _, found = lines(answer, run, {"undo"})
    restored, left = [], []
    cleared = bool(found) and found[-1] == "cleared"
    for line in found[: -1 if cleared else None]:
        if match := restored_line.fullmatch(line):
            restored.append((match[1], match[2]))
        elif (match := left_line.fullmatch(line)) and match[2] in REASONS:
            left.append(Left(match[1], match[3], match[2]))
        else:
            refuse(line)
    return Undone(run, tuple(restored), tuple(left), cleared)


def lines(answer: bytes, run: str, words: set[str]) -> tuple[str, list[str]]:
    """Return the word in the head of an answer and the lines between head and end, whose count must fit."""
    if len(answer) > MAX_ANSWER_BYTES:
        raise RemediationError("the host answered more than any host may")
    found = answer.decode("utf-8", "surrogateescape").split("\n")
    head = found[0].split(" ")
    if len(found) < 3 or found.pop() or head[:2] != ["hardencheck-guard", "1"] or head[3:] != [run]:
        raise RemediationError("the host did not answer as the guard does, or its answer was cut off")
    end = found.pop()
    if head[2] == "error" and end == "end error":
        said = " ".join(found[1:])[:500]
        raise RemediationError("".join(sign if sign.isprintable() else "?" for sign in said))
    if head[2] not in words or end != f"end {len(found) - 1}":
        raise RemediationError("the host did not answer as the guard does, or its answer was cut off")
    return head[2], found[1:]


def digest(answer: bytes) -> str:
    """Return the digest of what stands between the head and the end: what the host keeps as its list."""
    body = answer.split(b"\n", 1)[1]
    return hashlib.sha256(body[: body.rindex(b"end ", 0, -1)]).hexdigest()


def read(pattern: re.Pattern[str], cls: Callable[..., _Thing], some: Iterable[str]) -> tuple[_Thing, ...]:
    """Return a thing for each line, made of the groups of the pattern; raises RemediationError for another line."""
    found = []
    for line in some:
        match = pattern.fullmatch(line)
        found.append(cls(*match.groups()) if match else refuse(line))
    return tuple(found)


def refuse(line: str) -> NoReturn:
    """Raise RemediationError for what the guard does not say."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in line[:120])
    raise RemediationError(f"the host's answer holds what the guard does not say: {shown}")
