"""Why a host cannot be asked, step by step, from one real connection.

There is no separate look at the port: sshd punishes connections that leave without authentication
(PerSourcePenalties), so what each step says is derived from how far the one connection came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from hardencheck.errors import CredentialSuspended, TransportError
from hardencheck.model.capture import Ended, Exchange, Limits
from hardencheck.model.host import Host
from hardencheck.transport.base import Transport

#: More than this is a finding: Kerberos refuses tickets, and log times mislead (RFC 4120 recommends 5 minutes).
MAX_SKEW = 300.0

_SCRIPT = b"""echo hardencheck-doctor
id -u
date +%s
"""
_ANSWER = re.compile(rb"(?:\A|\n)hardencheck-doctor\n(\d+)\n(\d+)\n")

_STEPS = ("dns", "port", "host_key", "authentication", "privilege", "shell", "clock")

#: Which step failed, by the reason of the error; what is not listed failed while it was connecting.
_FAILED_AT = {
    "name_not_found": "dns",
    "host_settings": "dns",
    "exec_refused": "shell",
    "start_lost": "shell",
    "start_timed_out": "shell",
    "authentication_lost": "authentication",
    "authentication_timed_out": "authentication",
    "authentication_failed": "authentication",
    "no_credential": "authentication",
    "key_unreadable": "authentication",
    "key_needs_passphrase": "authentication",
    "agent_failed": "authentication",
    "password_expired": "authentication",
    "second_factor_required": "authentication",
    "credential_suspended": "authentication",
    "credential_wait_timed_out": "authentication",
    "become_user_invalid": "privilege",
    "become_password_invalid": "privilege",
    "host_key_unknown": "host_key",
    "host_key_changed": "host_key",
    "host_key_revoked": "host_key",
    "host_certificate_invalid": "host_key",
}

#: Refused before anything was sent.
_UNTRIED = ("host_settings", "become_user_invalid", "become_password_invalid")

#: What sudo and the shell say when it did not work (LC_ALL=C), and what to do about it.
_SUDO = (
    (
        "a password is required",
        "let the account run sudo without a password (NOPASSWD), or set ansible_become_password in the vault",
    ),
    ("refused the password", "correct ansible_become_password in the vault"),
    ("incorrect password", "correct ansible_become_password in the vault"),
    ("no password was provided", "correct ansible_become_password in the vault"),
    ("not in the sudoers", "add the account to a file in /etc/sudoers.d"),
    ("not allowed to execute", "let the account run /bin/sh as this user in sudoers"),
    ("must have a tty", "add to sudoers: Defaults:ACCOUNT !requiretty"),
    ("account is locked", "unlock the account: faillock --user ACCOUNT --reset"),
    ("'sudo': No such file", "install sudo, or log in as root"),
    ("not found", "install sudo, or log in as root"),
)


class State(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to a host's answer: what was found, and what to do when it failed."""

    name: str
    state: State
    message: str
    hint: str = ""


def diagnose(transport: Transport, host: Host, limits: Limits, now: Callable[[], float]) -> list[Step]:
    """Connect once, run three harmless commands, and return every step in order: dns to clock.

    `now` is this machine's clock in seconds since the epoch.
    """
    before = now()
    try:
        exchange = transport.run(host, _SCRIPT, limits)
    except TransportError as error:
        return _stopped(host, error)
    steps = _connected(host)
    answer = _ANSWER.search(exchange.stdout)
    if answer is None:
        untold = Step("clock", State.NOT_TRIED, "the host told no time")
        return [*steps, Step("privilege", State.NOT_TRIED, "the shell did not answer"), _no_answer(exchange), untold]
    return [
        *steps,
        _privilege(host, int(answer[1]), _text(exchange.stderr)),
        _shell(exchange, answer.start()),
        clock(int(answer[2]), before, now(), "set up chrony or systemd-timesyncd"),
    ]


def _stopped(host: Host, error: TransportError) -> list[Step]:
    at = _FAILED_AT.get(error.reason, "port")
    if isinstance(error, CredentialSuspended) and error.account.startswith("sudo "):
        at = "privilege"
    failed = _STEPS.index(at)
    early = [Step(name, State.NOT_TRIED, "") for name in _STEPS] if error.reason in _UNTRIED else _connected(host)
    skipped = Step("privilege", State.NOT_TRIED, "")
    return [
        *(early[:failed] if failed <= len(early) else [*early, skipped]),
        Step(_STEPS[failed], State.FAILED, error.message, error.hint or ""),
        *(Step(name, State.NOT_TRIED, "") for name in _STEPS[failed + 1 :]),
    ]


def _connected(host: Host) -> list[Step]:
    """Say what must have worked when a connection came to its shell."""
    if host.connection != "ssh":
        return [Step(name, State.NOT_TRIED, f"not needed: connection {host.connection}") for name in _STEPS[:4]]
    by = f", through {', '.join(hop.address for hop in host.jumps)}" if host.jumps else ""
    return [
        Step("dns", State.OK, f"{host.address} has an address" if not by else f"left to the jump host{by}"),
        Step("port", State.OK, f"an SSH server answers on port {host.port}{by}"),
        Step("host_key", State.OK, "the host key is the pinned one, or its certificate is valid"),
        Step("authentication", State.OK, f"logged in as {host.user or 'the user who runs this'}"),
    ]


def _privilege(host: Host, uid: int, stderr: str) -> Step:
    if uid == 0:
        return Step("privilege", State.OK, "runs as root")
    if host.become is None:
        return Step(
            "privilege",
            State.NOT_TRIED,
            f"runs as uid {uid}; what only root may read stays unknown",
            "set ansible_become: true for this host",
        )
    if host.become.user != "root" and "sudo" not in stderr:
        return Step(
            "privilege",
            State.NOT_TRIED,
            f"runs as {host.become.user} (uid {uid}); what only root may read stays unknown",
            "leave out ansible_become_user, or set it to root",
        )
    said = stderr.strip() or "sudo said nothing"
    hint = next((hint for words, hint in _SUDO if words in said), "look at sudo's log at the host")
    return Step("privilege", State.FAILED, f"sudo refused, so it runs as uid {uid}: {said}", hint)


def _shell(exchange: Exchange, noise: int) -> Step:
    if noise > 0:
        return Step(
            "shell",
            State.OK,
            f"/bin/sh answers, after {noise} bytes of other output",
            "let the account's shell start-up files print nothing when there is no terminal",
        )
    return Step("shell", State.OK, f"/bin/sh answered in {exchange.duration:.1f} s")


def _no_answer(exchange: Exchange) -> Step:
    said = _text(exchange.stdout + b" " + exchange.stderr).strip()
    hint = "give the account a login shell that runs commands (not nologin), and look at its start-up files"
    if "password has expired" in said:
        hint = "set a new password at the host; for an account that logs in with a key, one that does not expire"
    return Step(
        "shell",
        State.FAILED,
        f"the script was started, but did not answer: {silence(exchange, said)}",
        hint,
    )


def _text(data: bytes) -> str:
    """Decode what a host said, shortened and without anything that a terminal would act upon."""
    return printable(data[:400].decode("utf-8", "backslashreplace"))


def silence(exchange: Exchange, said: str) -> str:
    """Return why a script that was started gave no answer, and what the host said instead ("" for nothing)."""
    why = {
        Ended.DEADLINE: "the host used up its time",
        Ended.IDLE: "nothing came back",
        Ended.FLOOD: "the host sent too much",
        Ended.LOST: "the connection was lost",
        Ended.CLOSED: f"it ended with status {exchange.exit_status}",
    }[exchange.ended]
    return f"{why}; the host says: {said}" if said else why


def clock(host_time: int, before: float, after: float, hint: str) -> Step:
    """Return the step that compares a host's clock with this machine's, in seconds since the epoch.

    The host told its time between `before` and `after`; `hint` says what to do where it is too far off.
    """
    skew = max(before - 1 - host_time, host_time - after - 1, 0.0)
    if skew <= MAX_SKEW:
        return Step("clock", State.OK, "agrees with this machine's" if skew < 2 else f"{skew:.0f} s off")
    way = "ahead of" if host_time > after else "behind"
    return Step("clock", State.FAILED, f"{skew:.0f} s {way} this machine's", hint)


def printable(text: str) -> str:
    """Return what a host said without anything that a terminal would act upon."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
