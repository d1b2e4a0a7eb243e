"""The guard of a run on a Linux host: copies before it, a revert by the host itself unless it is confirmed, undo after.

The host keeps the content of what is touched, root's alone under /var/lib/hardencheck; the controller keeps digests.
Nothing here connects. Each function of the first kind returns a script for /bin/sh as root, each of the second kind
reads what it answered:

    begin   -> begun        copies what may be touched; arms the timer before it answers, so that a lost answer is safe
    confirm -> confirmed    disarms the timer, and writes down what the run has left; a second one answers the same
    undo    -> undone       puts back what the run has changed, and nothing that another one has changed since
    forget  -> forgotten    removes the copies of a run

What a host answers is data: bounded, strict, and never a path on the controller or a word of a script. An undo names
its run and digests; the paths are in the host's own list, which must still have the digest that was sealed.

Where systemd runs, the timer is its own, and a start of the host in between reverts too. Elsewhere a process in a
session of its own waits, and a start of the host ends it: such a host keeps the changes until somebody undoes them.

When rules of the packet filter no longer load, a revert removes the tables that the run made. Where a table that was
there before does not load, a table that lets in SSH and answers alone takes its place (`only-ssh`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import NoReturn, TypeVar

from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import (
    Account,
    Entry,
    Left,
    Package,
    Rules,
    Service,
    Settled,
    Snapshot,
    State,
    Undone,
)

#: What `Left.reason` means.
REASONS: Mapping[str, str] = {
    "changed-since": "somebody has changed it since the run",
    "copy-changed": "the host's copy is not what it was",
    "copy-missing": "the host's copy is gone",
    "files-left": "files that were left as they are may need it",
    "needed-or-busy": "other packages need it, or packages are being installed just now",
    "not-empty": "the folder holds what the run did not make",
    "not-restored": "it could not be put back as it was",
    "not-writable": "it cannot be written",
    "only-ssh": "the rules of before do not load; SSH alone is let in now",
    "removed": "the run removed it, and nothing installs it again",
    "settings-invalid": "sshd refuses the settings; it goes on with those that it has read before",
    "upgraded": "the run upgraded it, and nothing takes that back",
}
#: More than the longest answer that the script's own bounds allow.
MAX_ANSWER_BYTES = 8 * 1024 * 1024

_PARTS = ("guard_state.sh", "guard_run.sh", "guard_restore.sh", "guard_programs.sh")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,250}")
_SECONDS = range(5, 24 * 3600)
_SHA = "[0-9a-f]{64}"
_HEX = re.compile(_SHA)
_ENTRY = re.compile(
    r"(declared|inside|parent|target|unit) (absent|file|dir|link|other) (-|[0-7]{1,4}) (-|\d{1,10}) (-|\d{1,10}) "
    rf"(-|{_SHA}) (-|{_SHA}) (-|a|i|ia|ai) (-|-?\d{{1,20}}) (/[^\x00-\x1f\x7f]{{1,4095}})"
)
_LINKED = re.compile(r"/etc/rc[0-6]\.d|/etc/systemd/system(/[^/]+\.(wants|requires))?")
_SERVICE = re.compile(r"([a-z-]{1,40}) ([a-z-]{1,40}) ([A-Za-z0-9:_.@\\-]{1,250})")
_PACKAGE = re.compile(r"(installed|config-files) ([!-~]{1,250}) ([!-~]{1,250})")
_ACCOUNT = re.compile(r"(open|locked|none|empty) (never|\d{1,20}) ([^\x00-\x20\x7f:]{1,250})")
_RULES = re.compile(rf"(nft|iptables|legacy|audit) ([a-z0-9-]{{1,10}}) ([!-~]{{1,250}}) ({_SHA})")
_NOUN = "(path|service|package|account|kernel)"
_RESTORED = re.compile(rf"{_NOUN} ([^\x00-\x1f\x7f]{{1,4200}})")
_LEFT = re.compile(rf"{_NOUN} ([a-z-]{{1,30}}) ([^\x00-\x1f\x7f]{{1,4200}})")

_Thing = TypeVar("_Thing", Entry, Service, Package, Account, Rules)


def begin(run: str, touches: Touches, timer: int | None) -> bytes:
    """Return the script that copies what the run may touch, and arms the revert in `timer` seconds (None: never).

    Raises RemediationError when the run or what it touches has a name that no host could be given.
    """
    if timer is not None and timer not in _SECONDS:
        raise RemediationError(f"a run is put back between {_SECONDS[0]} and {_SECONDS[-1]} seconds after it began")
    return _script("begin", run, timer="" if timer is None else str(timer), touched="\n".join(_touched(touches)))


def begun(answer: bytes, run: str, touches: Touches) -> Snapshot:
    """Read the answer to `begin`; raises RemediationError with what went wrong: nothing is armed, and nothing kept."""
    _, lines = _lines(answer, run, {"begin"})
    revert = lines.pop()[len("revert ") :] if lines and lines[-1].startswith("revert ") else ""
    if revert != hashlib.sha256(_revert(run)).hexdigest():
        raise RemediationError("the host did not keep the revert script that it was sent")
    touched = [f"touched {each}" for each in _touched(touches)]
    if lines[: len(touched)] != touched:
        raise RemediationError("the host does not keep what it was asked to")
    state = _state(lines[len(touched) :], touches)
    if {entry.path for entry in state.entries if entry.role == "declared"} != set(touches.files):
        raise RemediationError("the host does not keep what it was asked to")
    return Snapshot(run, _digest(answer), revert, state)


def confirm(run: str) -> bytes:
    """Return the script that keeps the host from reverting, and says what the run has left."""
    return _script("confirm", run)


def confirmed(answer: bytes, run: str, touches: Touches) -> Settled:
    """Read the answer to `confirm`: whether it came in time, and what is there now; raises RemediationError."""
    outcome, lines = _lines(answer, run, {"confirmed", "reverted", "reverting"})
    return Settled(run, outcome, _digest(answer), _state(lines, touches))


def undo(run: str, snapshot: Snapshot, after: Settled | None, *, force: bool) -> bytes:
    """Return the script that puts back what the run has changed; `force`: also where somebody has changed it since.

    Without `after`, the host's own word counts for what the run left; where it has none, all that is not as before the
    run is taken for its work.
    """
    for digest in (snapshot.digest, "" if after is None else after.digest):
        if digest and not _HEX.fullmatch(digest):
            raise RemediationError("the snapshot of the run has no digest")
    if snapshot.run != run or (after is not None and after.run != run):
        raise RemediationError("the snapshot is that of another run")
    known = "" if after is None else after.digest
    return _script("undo", run, expected=snapshot.digest, expected_after=known, force="yes" if force else "")


def undone(answer: bytes, run: str) -> Undone:
    """Read the answer to `undo`; raises RemediationError with the reason when nothing was put back."""
    _, lines = _lines(answer, run, {"undo"})
    restored, left = [], []
    cleared = bool(lines) and lines[-1] == "cleared"
    for line in lines[: -1 if cleared else None]:
        word, _, rest = line.partition(" ")
        if word == "restored" and (match := _RESTORED.fullmatch(rest)):
            restored.append((match[1], match[2]))
        elif word == "left" and (match := _LEFT.fullmatch(rest)) and match[2] in REASONS:
            left.append(Left(match[1], match[3], match[2]))
        else:
            _refuse(line)
    return Undone(run, tuple(restored), tuple(left), cleared)


def forget(run: str) -> bytes:
    """Return the script that removes what the host keeps of the run; it refuses while a revert is armed."""
    return _script("forget", run)


def forgotten(answer: bytes, run: str) -> None:
    """Read the answer to `forget`; raises RemediationError when the copies are still there."""
    _lines(answer, run, {"forget"})


@cache
def _program() -> str:
    folder = files("hardencheck.remediate")
    return "\n".join((folder / part).read_text(encoding="utf-8").strip("\n") for part in _PARTS)


def _revert(run: str) -> bytes:
    """What the host runs by itself: `run` has to be known before the program is read."""
    return f'run={run}\n{_program()}\nrevert "$@"\n'.encode()


def _script(function: str, run: str, **variables: str) -> bytes:
    if not _RUN.fullmatch(run):
        raise RemediationError(f"{run!r} is no name of a run")
    set_before = "".join(f"{name}={_quote(value)}\n" for name, value in {"run": run, **variables}.items())
    # the last line is the first that does anything: half a script does nothing
    return f'{set_before}program={_quote(_program())}\neval "$program"\n{function} </dev/null\n'.encode()


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _touched(touches: Touches) -> Iterator[str]:
    """What the host is told of what is touched, one line each."""
    for path in dict.fromkeys(touches.files):
        if not _plain(path) or path.endswith(" ") or path == "/":
            raise RemediationError(f"{path!r} is no path that could be put back")
        yield f"file {path}"
    for unit in dict.fromkeys(touches.services):
        if not _UNIT.fullmatch(unit) or unit.startswith("-"):
            raise RemediationError(f"{unit!r} is no name of a service")
        yield f"service {unit}"
    for kind in dict.fromkeys(touches.kernel):
        if not kind.isalpha() or not kind.isascii():
            raise RemediationError(f"{kind!r} is nothing that the kernel has loaded")
        yield f"kernel {kind}"
    if touches.packages:
        yield "packages"
    if touches.accounts:
        yield "accounts"


def _plain(path: str) -> bool:
    """Whether a path is absolute, printable, and has one spelling."""
    parts = path.split("/")
    return parts[0] == "" and not any(part in ("", ".", "..") for part in parts[1:]) and path.isprintable()


def _lines(answer: bytes, run: str, words: set[str]) -> tuple[str, list[str]]:
    """Return the word in the head of an answer and the lines between head and end, whose count must fit."""
    if len(answer) > MAX_ANSWER_BYTES:
        raise RemediationError("the host answered more than any host may")
    lines = answer.decode("utf-8", "surrogateescape").split("\n")
    head = lines[0].split(" ")
    if len(lines) < 3 or lines.pop() or head[:2] != ["hardencheck-guard", "1"] or head[3:] != [run]:
        raise RemediationError("the host did not answer as the guard does, or its answer was cut off")
    end = lines.pop()
    if head[2] == "error" and end == "end error":
        said = " ".join(lines[1:])[:500]
        raise RemediationError("".join(sign if sign.isprintable() else "?" for sign in said))
    if head[2] not in words or end != f"end {len(lines) - 1}":
        raise RemediationError("the host did not answer as the guard does, or its answer was cut off")
    return head[2], lines[1:]


def _digest(answer: bytes) -> str:
    """The digest of what stands between the head and the end: what the host keeps as its list."""
    body = answer.split(b"\n", 1)[1]
    return hashlib.sha256(body[: body.rindex(b"end ", 0, -1)]).hexdigest()


def _state(lines: list[str], touches: Touches) -> State:
    groups: dict[str, list[str]] = {"entry": [], "service": [], "package": [], "account": [], "kernel": []}
    for line in lines:
        noun, _, rest = line.partition(" ")
        groups[noun].append(rest) if noun in groups else _refuse(line)
    state = State(
        entries=_read(_ENTRY, Entry, groups["entry"]),
        services=_read(_SERVICE, Service, groups["service"]),
        packages=_read(_PACKAGE, Package, groups["package"]),
        accounts=_read(_ACCOUNT, Account, groups["account"]),
        kernel=_read(_RULES, Rules, groups["kernel"]),
    )
    _bound(state, touches)
    return state


def _read(pattern: re.Pattern[str], cls: Callable[..., _Thing], lines: list[str]) -> tuple[_Thing, ...]:
    found = []
    for line in lines:
        match = pattern.fullmatch(line)
        found.append(cls(*match.groups()) if match else _refuse(line))
    return tuple(found)


def _bound(state: State, touches: Touches) -> None:
    """Refuse what was not asked for: other paths and units, one twice."""
    declared = set(touches.files)
    above = {path[:end] for path in declared for end in range(1, len(path)) if path[end] == "/"}
    for entry in state.entries:
        parts = entry.path.split("/")
        inside = any("/".join(parts[:count]) in declared for count in range(2, len(parts)))
        fits = {
            "declared": entry.path in declared,
            "inside": inside,
            "parent": entry.path in above or (_LINKED.fullmatch(entry.path) is not None and bool(touches.services)),
            "target": True,
            "unit": _enables(entry.path, touches),
        }
        if not fits[entry.role] or any(part in ("", ".", "..") for part in parts[1:]):
            _refuse(entry.path)
    for names in (
        [entry.path for entry in state.entries],
        [service.unit for service in state.services],
        [f"{rules.kind} {rules.family} {rules.name}" for rules in state.kernel],
    ):
        if len(set(names)) != len(names):
            raise RemediationError("the host's answer says one thing twice")
    if not {service.unit for service in state.services} <= set(touches.services):
        raise RemediationError("the host's answer names a service that it was not asked for")


def _enables(path: str, touches: Touches) -> bool:
    """Whether a path is one by which a unit that is touched is enabled or masked."""
    folder, _, name = path.rpartition("/")
    unit = f"{name[3:]}.service" if folder.startswith("/etc/rc") else name
    return _LINKED.fullmatch(folder) is not None and unit in touches.services


def _refuse(line: str) -> NoReturn:
    shown = "".join(sign if sign.isprintable() else "?" for sign in line[:120])
    raise RemediationError(f"the host's answer holds what the guard does not say: {shown}")
