"""The file that remembers between runs which accounts are suspended, since when, and which hosts refused them.

It holds no secret and nothing that is derived from one. It is replaced as a whole under an flock(2) of its own, so
that runs at the same time lose nothing of each other's, and read without it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hardencheck.errors import StoreError

_VERSION = 1
_Entries = dict[str, "Suspension"]


@dataclass(frozen=True, slots=True)
class Suspension:
    """One account that nobody tries any more: its name, since when (UTC, ISO 8601), and the hosts that refused it.

    `note` says when it is not in the file.
    """

    account: str
    since: str
    hosts: tuple[str, ...]
    note: str = ""

    @property
    def sentence(self) -> str:
        """Say what happened, without a full stop."""
        said = f"{self.account} was refused by {' and '.join(self.hosts)}, since {self.since} nobody is shown it"
        return f"{said} ({self.note})" if self.note else said


class Suspensions:
    """The file at `path`; one that does not exist suspends nothing. Safe between processes, not between threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._entries: _Entries = {}

    def read(self) -> Mapping[str, Suspension]:
        """Return what is suspended, by folded account name; reads anew only what has changed. Raises StoreError."""
        with self._explained("read"):
            try:
                found = self._path.stat()
            except FileNotFoundError:
                self._seen, self._entries = None, {}
                return self._entries
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            if stamp != self._seen:
                self._entries = self._parse(self._path.read_bytes())
                self._seen = stamp
        return self._entries

    def add(self, suspension: Suspension) -> None:
        """Suspend an account; one that is suspended already keeps its first entry. Raises StoreError."""
        self._change(lambda entries: {suspension.account.casefold(): suspension} | entries)

    def remove(self, accounts: list[str] | None) -> None:
        """Lift the suspension of these accounts; None lifts all, also in a damaged file. Raises StoreError."""
        if accounts is None:
            with self._locked():
                self._write({})
            return
        gone = {account.casefold() for account in accounts}
        self._change(lambda entries: {name: found for name, found in entries.items() if name not in gone})

    def _change(self, edit: Callable[[_Entries], _Entries]) -> None:
        with self._locked():
            self._write(edit(dict(self.read())))

    def _write(self, entries: _Entries) -> None:
        rows = [
            {"account": e.account, "since": e.since, "hosts": e.hosts}
            for e in sorted(entries.values(), key=lambda e: (e.since, e.account))
        ]
        content = json.dumps({"version": _VERSION, "suspended": rows}, indent=2) + "\n"
        new = self._path.with_name(f"{self._path.name}.new")
        with self._explained("written"):
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._explained("written"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(
                self._path.with_name(f"{self._path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _parse(self, content: bytes) -> _Entries:
        try:
            body = json.loads(content)
            if body["version"] != _VERSION:
                raise ValueError
            found = [_entry(**row) for row in body["suspended"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise StoreError(
                f"{self._path}: is not the list of suspended credentials that hardencheck writes",
                hint="which accounts are suspended is not known; to begin anew: hardencheck credential reset --all",
            ) from None
        return {entry.account.casefold(): entry for entry in found}

    @contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{self._path}: cannot be {verb}: {error.strerror or error}",
                hint="it remembers which credentials are suspended; run as the user who owns the store",
            ) from None


def _entry(account: object, since: object, hosts: object) -> Suspension:
    if not isinstance(account, str) or not isinstance(since, str) or not isinstance(hosts, list):
        raise TypeError
    return Suspension(account, since, tuple(map(str, hosts)))
