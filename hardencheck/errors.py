"""The exception tree of hardencheck; every leaf carries a reason code and what to do next.

    HardencheckError
    |-- UsageError                     the command line cannot be carried out            exit 64
    |-- ConfigurationError             a file that the user wrote is wrong               exit 78
    |   |-- InventoryError             inventory, its variables, its vault
    |   |-- BaselineError              baseline, rule, tailoring or site file (path, line, key)
    |   |-- CredentialError            a key file or password file cannot be used
    |   `-- RosterError                HR's roster (problems)
    |-- RemediationError               a plan or a playbook cannot be used                exit 78
    |-- StoreError                     the store cannot be read or written               exit 70
    |   `-- StoreLocked                another process holds the store                   exit 75
    |-- EvidenceError                  a digest does not match what is stored            exit 4
    |-- StampRefused                   no time stamp was to be had                       a note; the sweep goes on
    |-- Interrupted                    stopped by a signal in the middle of a sweep      exit 130
    |-- TransportError                 one host; caught in collect, becomes data
    |   |-- Unreachable                no address, no route, refused, connection lost
    |   |-- HostKeyRejected            host key unknown, changed or revoked; TLS certificate not valid
    |   |-- AuthenticationFailed       the host refused the credential
    |   |-- CredentialSuspended        other hosts refused the password; this one is not shown it
    |   `-- TimedOut                   the host used up its time before a script ran
    `-- CaptureUnreadable              one probe's output is not what it should be; caught in evaluate

Operator mistakes raise and end the run; trouble with one host or one probe is caught at its boundary and becomes
an outcome of that host or probe.
"""

from __future__ import annotations

from collections.abc import Sequence


class HardencheckError(Exception):
    """Base of every error that hardencheck raises on purpose.

    `reason` is a stable code for machines; `hint` says what the user can do next.
    """

    exit_code = 70
    reason = "internal"

    def __init__(self, message: str, *, reason: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.reason
        self.hint = hint


class UsageError(HardencheckError):
    """The command line asks for something that cannot be done."""

    exit_code = 64
    reason = "usage"


class ConfigurationError(HardencheckError):
    """A file that the user wrote cannot be used as it is."""

    exit_code = 78
    reason = "configuration"


class InventoryError(ConfigurationError):
    """The inventory, one of its variables or its vault cannot be read."""

    reason = "inventory"


class BaselineError(ConfigurationError):
    """A baseline, rule, tailoring or site file is wrong; says which file, line and key."""

    reason = "baseline"

    def __init__(
        self, message: str, *, path: str, line: int | None = None, key: str | None = None, hint: str | None = None
    ) -> None:
        where = path if line is None else f"{path}:{line}"
        super().__init__(f"{where}: {f'{key}: ' if key else ''}{message}", hint=hint)
        self.path = path
        self.line = line
        self.key = key


class CredentialError(ConfigurationError):
    """A key file, certificate or password file cannot be used."""

    reason = "credential"


class RosterError(ConfigurationError):
    """HR's roster cannot be taken as it is; `problems` are all its faults, with file, line and column."""

    reason = "roster"

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(problems[0] + more, hint=hint or "hardencheck roster check FILE names everything to correct")
        self.problems = tuple(problems)


class RemediationError(HardencheckError):
    """A plan or a playbook cannot be used as it is; nothing was changed on any host."""

    exit_code = 78
    reason = "remediation"


class StoreError(HardencheckError):
    """The store cannot be opened, read or written."""

    exit_code = 70
    reason = "store"


class StoreLocked(StoreError):
    """Another process holds the store."""

    exit_code = 75
    reason = "locked"


class EvidenceError(HardencheckError):
    """Stored evidence does not match its digest."""

    exit_code = 4
    reason = "evidence"


class StampRefused(HardencheckError):
    """A time stamp authority did not answer, or not as it should."""

    reason = "stamp_refused"


class Interrupted(HardencheckError):
    """A signal ended a sweep half-way; what was committed is kept."""

    exit_code = 130
    reason = "interrupted"


class TransportError(HardencheckError):
    """A host could not be asked; `reason` is the host's state reason in reports."""

    reason = "transport"


class Unreachable(TransportError):
    """No address, no route, connection refused, or lost before the script ran."""

    reason = "unreachable"


class HostKeyRejected(TransportError):
    """The host did not prove who it is, by its SSH host key or its TLS certificate; nothing was sent to it.

    `reason` is one of `host_key_unknown`, `host_key_changed`, `host_key_revoked`, `host_certificate_invalid`, or begins
    with `certificate_`.
    """

    reason = "host_key_unknown"


class AuthenticationFailed(TransportError):
    """The host refused the credential that the inventory names."""

    reason = "authentication_failed"


class CredentialSuspended(TransportError):
    """Hosts in a row refused the password of this account; nobody is shown it until a person lifts the suspension.

    `account` is named as `hardencheck credential list` does.
    """

    reason = "credential_suspended"

    def __init__(self, message: str, *, account: str = "", reason: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, reason=reason, hint=hint)
        self.account = account


class TimedOut(TransportError):
    """The host used up its deadline or idle limit before the script could run."""

    reason = "timed_out"


class CaptureUnreadable(HardencheckError):
    """The output of a probe does not have the form that its script writes."""

    reason = "capture_unreadable"
