"""The accounts that the servers of one process know, and how often somebody tried to log in as one of them."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Self


class Domain:
    """Accounts (`DOMAIN\\user` -> password) of any number of servers, with one count of attempts for all of them.

    pyspnego's NTLM acceptor reads its accounts from one file that an environment variable names, so a process has one
    Domain at a time. A password must not hold a colon.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self.users = dict(users)
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._before: str | None = None
        self._file = Path()

    @property
    def attempts(self) -> int:
        """How many logins reached any server, accepted or not; half a handshake is none."""
        with self._lock:
            return self.accepted.total() + self.refused.total()

    def note(self, user: str, *, accepted: bool) -> None:
        """Count one login that reached a server."""
        with self._lock:
            (self.accepted if accepted else self.refused)[user] += 1

    def __enter__(self) -> Self:
        descriptor, name = tempfile.mkstemp(prefix="ntlm-users-")
        self._file = Path(name)
        with os.fdopen(descriptor, "w") as file:
            for user, password in self.users.items():
                domain, _, account = user.rpartition("\\")
                file.write(f"{domain}:{account}:{password}\n")
        self._before = os.environ.get("NTLM_USER_FILE")
        os.environ["NTLM_USER_FILE"] = name
        return self

    def __exit__(self, *_: object) -> None:
        self._file.unlink()
        if self._before is None:
            del os.environ["NTLM_USER_FILE"]
        else:
            os.environ["NTLM_USER_FILE"] = self._before
