"""What a host keeps for the undoing of a run: the digests that the controller holds of it, and what came of an undo.

The content stays on the host; it may hold secrets. What is here says what was there: enough to tell whether the host's
copies are still the ones that it made, and to show a person what a run has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from hardencheck.model.codec import canonical, loads

_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Entry:
    """One path at one moment; what is `absent`, or has no such thing, has `-` there.

    `kind` is `absent`, `file`, `dir`, `link` or `other`, `mode` octal. `digest` is the SHA-256 of a file's content or
    of where a link points to, `attributes` that of access lists, labels and capabilities, as far as the host has tools
    to read them; `flags` are `i` and `a` of chattr. `mtime` is in seconds since 1970. `role` says why it is here:
    `declared` by the playbook, `inside` a declared folder, the `target` of a declared link, a `parent` of a
    path, or a link by which a declared `unit` is enabled.
    """

    role: str
    kind: str
    mode: str
    uid: str
    gid: str
    digest: str
    attributes: str
    flags: str
    mtime: str
    path: str


@dataclass(frozen=True, slots=True)
class Service:
    """One unit, in systemd's words: `enabled` also `disabled`, `masked`, `not-found`...; `active` also `inactive`..."""

    enabled: str
    active: str
    unit: str


@dataclass(frozen=True, slots=True)
class Package:
    """One package; `status` is `installed`, or `config-files` when only its settings are still there."""

    status: str
    version: str
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """One account; `lock` is `open`, `locked`, `none` (no password) or `empty`, `expires` in days since 1970."""

    lock: str
    expires: str
    name: str


@dataclass(frozen=True, slots=True)
class Rules:
    """One table of the packet filter, or the audit rules, as the kernel has them."""

    kind: str
    family: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing of a Windows host; `noun` is `key` or `value` of the registry, `service` or `policy`.

    `state` is `absent` or `present`, for a service how it starts and whether it runs. `digest` is that of all that it
    says, with a salt that only the host knows: it may be a password. A value is called `KEY [NAME]`, a part of a policy
    `POLICY [PART]`.
    """

    noun: str
    state: str
    digest: str
    name: str


@dataclass(frozen=True, slots=True)
class State:
    """All that a run may touch, at one moment; only what its playbooks declare is looked at."""

    entries: tuple[Entry, ...] = ()
    services: tuple[Service, ...] = ()
    packages: tuple[Package, ...] = ()
    accounts: tuple[Account, ...] = ()
    kernel: tuple[Rules, ...] = ()
    settings: tuple[Setting, ...] = ()

    def other_settings(self, now: State) -> tuple[str, ...]:
        """Return the names of a Windows host's things that another moment of the same run says otherwise, or alone."""
        before = {(each.noun, each.name): each.digest for each in self.settings if each.state != "absent"}
        after = {(each.noun, each.name): each.digest for each in now.settings if each.state != "absent"}
        return tuple(
            name
            for noun, name in dict.fromkeys([*before, *after])
            if before.get((noun, name)) != after.get((noun, name))
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a host has copied before a run; `digest` is that of its list, `revert` that of its revert script."""

    run: str
    digest: str
    revert: str
    state: State

    def to_bytes(self) -> bytes:
        """Encode as canonical JSON."""
        return canonical(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """Decode what `to_bytes` wrote; raises ValueError on anything else."""
        body = _body(cls, data)
        return cls(_text(body["run"]), _text(body["digest"]), _text(body["revert"]), _state(body["state"]))


@dataclass(frozen=True, slots=True)
class Settled:
    """What a run has left, when it was confirmed; `digest` is that of the host's list of it.

    `outcome` is `confirmed`, or `reverted` when the host had already put back what it could by itself, or `reverting`
    while it is at it: then nothing is known yet.
    """

    run: str
    outcome: str
    digest: str
    state: State

    def to_bytes(self) -> bytes:
        """Encode as canonical JSON."""
        return canonical(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Settled:
        """Decode what `to_bytes` wrote; raises ValueError on anything else."""
        body = _body(cls, data)
        return cls(_text(body["run"]), _text(body["outcome"]), _text(body["digest"]), _state(body["state"]))


@dataclass(frozen=True, slots=True)
class Left:
    """One thing that was not put back, and why; `reason` is a stable code."""

    noun: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of an undo: `restored` are (noun, name); `cleared` says that the host keeps nothing more of the run."""

    run: str
    restored: tuple[tuple[str, str], ...]
    left: tuple[Left, ...]
    cleared: bool

    @property
    def missing(self) -> tuple[Left, ...]:
        """What cannot be put back because its copy is not there, or is not what it was."""
        return tuple(each for each in self.left if each.reason in ("copy-missing", "copy-changed"))


def _body(cls: type[Any], data: bytes) -> dict[str, Any]:
    body = loads(data)
    _keys(cls, body)
    found: dict[str, Any] = body
    return found


def _state(body: Any) -> State:
    _keys(State, body)
    return State(
        entries=_each(Entry, body["entries"]),
        services=_each(Service, body["services"]),
        packages=_each(Package, body["packages"]),
        accounts=_each(Account, body["accounts"]),
        kernel=_each(Rules, body["kernel"]),
        settings=_each(Setting, body["settings"]),
    )


def _each(cls: Callable[..., _Any], found: Any) -> tuple[_Any, ...]:
    if not isinstance(found, list):
        raise ValueError("snapshot: expected a list")
    made = []
    for body in found:
        _keys(cls, body)
        made.append(cls(**{key: _text(value) for key, value in body.items()}))
    return tuple(made)


def _keys(cls: Any, body: Any) -> None:
    if not isinstance(body, dict) or body.keys() != {field.name for field in fields(cls)}:
        raise ValueError(f"snapshot: expected the keys of {cls.__name__}")


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise ValueError("snapshot: expected texts")
    return found
