"""Keeps a wrong password from locking the account it belongs to: a canary and a circuit breaker for password logins.

Directories and PAM count refused passwords, and lock the account at the third (DISA's STIGs), the fifth (CIS) or the
tenth (Microsoft's baseline). A sweep that shows a stale password to every host would lock the account that a site
depends on. So every login with a password, and every password for sudo, goes through one `CredentialGuard` per run.
Keys, agents and certificates do not: nothing counts them.

What holds, and why:

- A credential is *unproven* until a host accepts it. One host at a time tries it, and all others wait: the canary. An
  acceptance proves it. A refusal lets one more host try, as a single host may have a password of its own. Two refusals
  without an acceptance between them suspend it. So at most two attempts reach any server when it is wrong everywhere.
- What is neither accepted nor refused (lost connection, time-out, second factor) decides nothing: the next host is the
  canary. One that takes longer than `patience` lets one other host try; hosts that try and hosts that refused are two
  at most together.
- A *proven* credential is tried by two hosts at a time: when the password changes in the middle of a sweep, two are
  refused, and the third, which would lock the strictest account, is never sent. Only a login counts, not the work after
  it, and one that takes longer than `patience` holds up nobody. After a refusal the credential is in doubt, and one
  host at a time tries it again, as if unproven. So a host with a password of its own costs only itself, unless two such
  hosts follow each other.
- Refusals are counted per account and password, as accounts of one name may have a password of their own on each host;
  one refusal of such a password suspends nothing. Of a domain's account (`Credential.secret` is None) all are counted
  together, as the domain does.
- A suspension holds for the account's name, whatever the password, in this run, in others that run now and in all that
  follow, until a person lifts it: the account may be one that all hosts share, and what is on the disk must not tell
  anything about a password, not even a hash that could be guessed against.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hardencheck.errors import AuthenticationFailed, CredentialSuspended, StoreError, TimedOut
from hardencheck.model.host import Secret
from hardencheck.transport.suspensions import Suspension, Suspensions

#: So many refusals without an acceptance between them suspend a credential; the third locks the strictest account.
REFUSALS = 2

#: Longer than PAM and directories take to refuse, shorter than a host that hangs.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Credential:
    """What is tried: `account` names it without its secret, such as `ssh audit`, `sudo audit` or `winrm LAB\\audit`.

    Give `secret` when the account may have a password of its own on each host, None for the account of a domain.
    Names that differ in case only are one account.
    """

    account: str
    secret: Secret | None = None


class Attempt:
    """One host's try with a credential; its first verdict counts, and none at all decides nothing."""

    def __init__(self, guard: CredentialGuard, credential: Credential, host: str) -> None:
        self._guard = guard
        self._credential = credential
        self._host = host

    def accepted(self) -> None:
        """Note that the host accepted the password."""
        self._guard._close(self, self._credential, accepted=True)

    def refused(self) -> None:
        """Note that the host refused the password."""
        self._guard._close(self, self._credential, refused_by=self._host)

    def undecided(self) -> None:
        """Note that the host did not look at the password: another may try it already."""
        self._guard._close(self, self._credential)


@dataclass(slots=True)
class _Record:
    """What is known of one credential: who tries it since when, and who refused it since it was last accepted."""

    proven: bool = False
    trying: dict[Attempt, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def free(self, patience: float) -> bool:
        """Whether one more host may try now."""
        fresh = sum(time.monotonic() - since < patience for since in self.trying.values())
        if self.proven and not self.refused:
            return fresh < REFUSALS
        return not fresh and len(self.trying) + len(self.refused) < REFUSALS


class CredentialGuard:
    """Decides who may try a password; one per run, shared by all transports and threads.

    `path` is the file that remembers suspensions between runs; None keeps them in memory. Raises StoreError when the
    file cannot be read.
    """

    def __init__(self, path: Path | None = None, *, patience: float = PATIENCE) -> None:
        self._file = Suspensions(path) if path is not None else None
        self._patience = patience
        self._change = threading.Condition()
        self._records: dict[tuple[str, Secret | None], _Record] = {}
        self._suspended: dict[str, Suspension] = {}
        if self._file is not None:
            self._file.read()

    @contextmanager
    def attempt(self, credential: Credential, host: str, seconds: float) -> Iterator[Attempt]:
        """Let this host try the credential inside the block, when it is its turn.

        Inside the block say `accepted()` or `refused()`; an AuthenticationFailed with the reason
        `authentication_failed` that leaves it is a refusal. Raises CredentialSuspended, and TimedOut when other hosts
        take longer than `seconds` to try it.
        """
        attempt = Attempt(self, credential, host)
        self._open(attempt, credential, seconds)
        try:
            yield attempt
        except AuthenticationFailed as error:
            if error.reason == AuthenticationFailed.reason:
                attempt.refused()
            raise
        finally:
            self._close(attempt, credential)

    def _open(self, attempt: Attempt, credential: Credential, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._change:
            record = self._records.setdefault((credential.account.casefold(), credential.secret), _Record())
            while True:
                self._check(credential.account)
                if record.free(self._patience):
                    record.trying[attempt] = time.monotonic()
                    return
                left = until - time.monotonic()
                if left <= 0:
                    raise TimedOut(
                        f"other hosts were still trying the password of {credential.account} when this host's time "
                        "was up",
                        reason="credential_wait_timed_out",
                        hint="a host that hangs while it checks a password holds up the others: hardencheck doctor",
                    )
                # nobody wakes us when a try becomes too old to wait for
                self._change.wait(min([left, *self._ripening(record)]))

    def _ripening(self, record: _Record) -> list[float]:
        """Return in how many seconds each try becomes too old to wait for."""
        now = time.monotonic()
        return [since + self._patience - now for since in record.trying.values() if since + self._patience > now]

    def _check(self, account: str) -> None:
        """Raise CredentialSuspended when the account is suspended, here or in the file."""
        found = self._suspended.get(account.casefold())
        if found is None and self._file is not None:
            try:
                found = self._file.read().get(account.casefold())
            except StoreError as error:  # what cannot be read may well be a suspension
                raise CredentialSuspended(
                    f"credential suspended: {error.message}", account=account, hint=error.hint
                ) from None
        if found is not None:
            raise CredentialSuspended(
                f"credential suspended: {found.sentence}",
                account=found.account,
                hint="look whether the account is locked; correct its password, or leave out hosts that refuse a right "
                f"one (--limit); then: hardencheck credential reset {shlex.quote(found.account)}",
            )

    def _close(
        self, attempt: Attempt, credential: Credential, *, accepted: bool = False, refused_by: str | None = None
    ) -> None:
        with self._change:
            record = self._records[credential.account.casefold(), credential.secret]
            if record.trying.pop(attempt, None) is None:
                return
            if accepted:
                record.proven = True
                record.refused.clear()
            elif refused_by is not None:
                record.refused.append(refused_by)
                if len(record.refused) >= REFUSALS:
                    self._suspend(credential.account, record.refused)
            self._change.notify_all()

    def _suspend(self, account: str, hosts: list[str]) -> None:
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = Suspension(account, since, tuple(hosts))
        try:
            if self._file is not None:
                self._file.add(found)
        except StoreError as error:
            found = Suspension(account, since, tuple(hosts), f"only until this run ends, as {error.message}")
        self._suspended[account.casefold()] = found
