"""Kerberos for WinRM: a ticket for an account whose password the inventory holds, and what Kerberos says when it fails.

A password goes to kinit(1) on its standard input, once per account and run. Its ticket lies in a folder of this run
that only this user can read, and is deleted with it. Accounts without a password use the tickets that the user of this
machine has; libkrb5 looks in one place only, so one run uses one kind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from hardencheck.errors import AuthenticationFailed, TimedOut, TransportError, Unreachable
from hardencheck.model.host import Secret
from hardencheck.transport.guard import Attempt

_PLACE = "KRB5CCNAME"

_KDC = "see /etc/krb5.conf, and whether this machine reaches the domain controllers"
#: What libkrb5 says (without translation), the reason, and what to do
_SAID = (
    ("Clock skew too great", "kerberos_clock_skew", "set this machine's clock by the domain's: chrony"),
    (
        "Server( [^ ]+)? not found in Kerberos database",
        "kerberos_no_spn",
        "use the name that the host has in the domain: ansible_host, or ansible_winrm_kerberos_hostname_override",
    ),
    ("Cannot contact any KDC", "kerberos_no_kdc", _KDC),
    ("Cannot find KDC", "kerberos_no_kdc", _KDC),
    ("Cannot resolve", "kerberos_no_kdc", _KDC),
    (
        "Client( [^ ]+)? not found in Kerberos database",
        "kerberos_unknown_account",
        "correct ansible_user: account@REALM in capitals",
    ),
    ("Ticket expired", "kerberos_ticket_expired", "kinit again, or set ansible_password in the vault"),
    ("Password (has )?expired", "password_expired", "give the account a new password, and the inventory too"),
    (
        "[Cc]redentials? (were unavailable|were supplied|cache)|No Kerberos credentials",
        "kerberos_no_ticket",
        "kinit as this account, or set ansible_password in the vault",
    ),
)
_REFUSED = ("Preauthentication failed", "Password incorrect", "Decrypt integrity check failed", "have been revoked")

Admit = Callable[[], AbstractContextManager[Attempt]]


class Tickets:
    """The tickets that this run got itself, one per account; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[tuple[str, Secret]] = set()
        self._folder: str | None = None
        self._before: str | None = None

    def get(self, user: str, password: Secret | None, admit: Admit, deadline: float) -> None:
        """See that there is a ticket for `user@REALM`; `admit` lets the password be tried. Raises a TransportError."""
        if password is None:
            if self._folder is not None:
                raise AuthenticationFailed(
                    f"{user} has no password in the inventory, and other hosts' accounts have",
                    reason="kerberos_no_ticket",
                    hint="set ansible_password in the vault, or sweep these hosts on their own",
                )
            return
        if (user, password) in self._held:
            return
        with admit() as attempt, self._lock:
            if (user, password) not in self._held:
                self._kinit(user, password, deadline)
                self._held.add((user, password))
            attempt.accepted()

    def close(self) -> None:
        """Delete the tickets."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._before is None:
                os.environ.pop(_PLACE, None)
            else:
                os.environ[_PLACE] = self._before
            self._folder = None

    def _kinit(self, user: str, password: Secret, deadline: float) -> None:
        if self._folder is None:
            memory = os.environ.get("XDG_RUNTIME_DIR", "")
            self._folder = tempfile.mkdtemp(
                prefix="hardencheck-tickets-", dir=memory if os.path.isdir(memory) else None
            )
            self._before = os.environ.get(_PLACE)
            os.environ[_PLACE] = f"DIR:{self._folder}"
        try:
            done = subprocess.run(  # noqa: S603 - an argument that cannot be an option
                ["kinit", "--", user],  # noqa: S607 - where it is differs between distributions
                input=password.reveal().encode() + b"\n",
                capture_output=True,
                check=False,
                timeout=max(0.1, min(30.0, deadline - time.monotonic())),
                env={**os.environ, "LC_ALL": "C"},
                start_new_session=True,  # so that it cannot ask the terminal
            )
        except subprocess.TimeoutExpired:
            raise TimedOut(
                f"no domain controller answered for {user} in time", reason="authentication_timed_out", hint=_KDC
            ) from None
        except OSError:
            raise Unreachable(
                "kinit is not installed on this machine",
                reason="kerberos_not_installed",
                hint="install krb5-user (Debian, Ubuntu) or krb5-workstation (RHEL)",
            ) from None
        if done.returncode != 0:
            raise _refusal(user, (done.stderr + b" " + done.stdout).decode("utf-8", "replace"))


def failed(words: str) -> TransportError:
    """Return what Kerberos's words about a host or a ticket mean."""
    line = " ".join(words.split())[:200]
    for sign, reason, hint in _SAID:
        if found := re.search(sign, words):
            return AuthenticationFailed(f"Kerberos: {found[0][:200]}", reason=reason, hint=hint)
    return AuthenticationFailed(f"Kerberos: {line}", reason="kerberos_failed", hint="try it by hand: kinit, kvno")


def _refusal(user: str, words: str) -> TransportError:
    if any(sign in words for sign in _REFUSED):
        return AuthenticationFailed(
            f"the domain refused the password of {user}",
            hint="is the password right, the account enabled and not locked?",
        )
    return failed(words)
