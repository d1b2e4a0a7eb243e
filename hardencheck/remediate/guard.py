"""The guard of a run on a Linux host: copies before it, a revert by the host itself unless it is confirmed, undo after.

The host keeps the content of what is touched, root's alone under /var/lib/hardencheck; the controller keeps digests.
Nothing here connects. Each function of the first kind returns a script for /bin/sh as root, each of the second kind
reads what it answered:

    begin   -> begun        copies what may be touched; arms the timer before it answers, so that a lost answer is safe
    confirm -> confirmed    disarms the timer, and writes down what the run has left; a second one answers the same
    undo    -> undone       puts back what the run has changed, and nothing that another one has changed since

An undo names its run and digests; the paths are in the host's own list, which must still have the digest that was
sealed.

Where systemd runs, the timer is its own, and a start of the host in between reverts too. Elsewhere a process in a
session of its own waits, and a start of the host ends it: such a host keeps the changes until somebody undoes them.

When rules of the packet filter no longer load, a revert removes the tables that the run made. Where a table that was
there before does not load, a table that lets in SSH and answers alone takes its place (`only-ssh`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import (
    Account,
    Entry,
    Package,
    Rules,
    Service,
    Settled,
    Snapshot,
    State,
    Undone,
)
from hardencheck.remediate import guard_answers as answers
from hardencheck.remediate.guard_answers import SHA

_PARTS = ("guard_state.sh", "guard_run.sh", "guard_restore.sh", "guard_programs.sh")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,250}")
_ENTRY = re.compile(
    r"(declared|inside|parent|target|unit) (absent|file|dir|link|other) (-|[0-7]{1,4}) (-|\d{1,10}) (-|\d{1,10}) "
    rf"(-|{SHA}) (-|{SHA}) (-|a|i|ia|ai) (-|-?\d{{1,20}}) (/[^\x00-\x1f\x7f]{{1,4095}})"
)
_LINKED = re.compile(r"/etc/rc[0-6]\.d|/etc/systemd/system(/[^/]+\.(wants|requires))?")
_SERVICE = re.compile(r"([a-z-]{1,40}) ([a-z-]{1,40}) ([A-Za-z0-9:_.@\\-]{1,250})")
_PACKAGE = re.compile(r"(installed|config-files) ([!-~]{1,250}) ([!-~]{1,250})")
_ACCOUNT = re.compile(r"(open|locked|none|empty) (never|\d{1,20}) ([^\x00-\x20\x7f:]{1,250})")
_RULES = re.compile(rf"(nft|iptables|legacy|audit) ([a-z0-9-]{{1,10}}) ([!-~]{{1,250}}) ({SHA})")
_NOUNS = "path|service|package|account|kernel"


def begin(run: str, touches: Touches, timer: int | None) -> bytes:
    """Return the script that copies what the run may touch, and arms the revert in `timer` seconds (None: never).

    Raises RemediationError when the run or what it touches has a name that no host could be given.
    """
    answers.check_timer(timer)
    return _script("begin", run, timer="" if timer is None else str(timer), touched="\n".join(_touched(touches)))


def begun(answer: bytes, run: str, touches: Touches) -> Snapshot:
    """Read the answer to `begin`; raises RemediationError with what went wrong: nothing is armed, and nothing kept."""
    revert, lines = answers.kept(answer, run, _revert(run), _touched(touches))
    state = _state(lines, touches)
    if {entry.path for entry in state.entries if entry.role == "declared"} != set(touches.files):
        raise answers.not_kept()
    return Snapshot(run, answers.digest(answer), revert, state)


def confirm(run: str) -> bytes:
    """Return the script that keeps the host from reverting, and says what the run has left."""
    return _script("confirm", run)


def confirmed(answer: bytes, run: str, touches: Touches) -> Settled:
    """Read the answer to `confirm`: whether it came in time, and what is there now; raises RemediationError."""
    outcome, lines = answers.lines(answer, run, {"confirmed", "reverted", "reverting"})
    return Settled(run, outcome, answers.digest(answer), _state(lines, touches))


def undo(run: str, snapshot: Snapshot, after: Settled | None, *, force: bool) -> bytes:
    """Return the script that puts back what the run has changed; `force`: also where somebody has changed it since.

    Without `after`, the host's own word counts for what the run left; where it has none, all that is not as before the
    run is taken for its work.
    """
    before, left = answers.known_digests(run, snapshot, after)
    return _script("undo", run, expected=before, expected_after=left, force="yes" if force else "")


def undone(answer: bytes, run: str) -> Undone:
    """Read the answer to `undo`; raises RemediationError with the reason when nothing was put back."""
    return answers.undone(answer, run, _NOUNS)


@cache
def _program() -> str:
    folder = files("hardencheck.remediate")
    return "\n".join((folder / part).read_text(encoding="utf-8").strip("\n") for part in _PARTS)


def _revert(run: str) -> bytes:
    """What the host runs by itself: `run` has to be known before the program is read."""
    return f'run={run}\n{_program()}\nrevert "$@"\n'.encode()


def _script(function: str, run: str, **variables: str) -> bytes:
    answers.check_run(run)
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


def _state(lines: list[str], touches: Touches) -> State:
    groups: dict[str, list[str]] = {"entry": [], "service": [], "package": [], "account": [], "kernel": []}
    for line in lines:
        noun, _, rest = line.partition(" ")
        groups[noun].append(rest) if noun in groups else answers.refuse(line)
    state = State(
        entries=answers.read(_ENTRY, Entry, groups["entry"]),
        services=answers.read(_SERVICE, Service, groups["service"]),
        packages=answers.read(_PACKAGE, Package, groups["package"]),
        accounts=answers.read(_ACCOUNT, Account, groups["account"]),
        kernel=answers.read(_RULES, Rules, groups["kernel"]),
    )
    _bound(state, touches)
    return state


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
            answers.refuse(entry.path)
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
