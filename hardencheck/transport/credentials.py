"""What we show a host to be let in: a key file, its certificate, the agent's keys or a password; each at most once.

When the inventory names a key file or a password, only those are offered: every key that a host refuses counts
towards its MaxAuthTries and its bans. Only a host for which nothing is named is offered the agent's and the default
keys, five at most. The agent is never forwarded. A password waits for its turn at the `CredentialGuard`.
"""

from __future__ import annotations

import copy
import getpass
import os
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.agent import AgentSSH
from paramiko.ssh_exception import AuthenticationException, BadAuthenticationType, SSHException

from hardencheck.errors import AuthenticationFailed
from hardencheck.model.host import Host, Secret
from hardencheck.transport.client import Client
from hardencheck.transport.guard import Attempt, Credential, CredentialGuard

#: Where ssh(1) looks by default.
DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")

#: OpenSSH's MaxAuthTries is 6; one less leaves us a proper answer instead of a closed connection.
MAX_OFFERS = 5
_AGENT_SECONDS = 30.0

#: What PAM asks when a password has expired.
_NEW_PASSWORD = re.compile(r"(current|old|new|retype).*password|expired", re.IGNORECASE)

#: What a host asks that refuses a password by asking for it again.
_SAME_PASSWORD = re.compile(r"password\W*$", re.IGNORECASE)


@dataclass(frozen=True)
class Offer:
    """One attempt: a key or a password, and how messages name it."""

    label: str
    key: paramiko.PKey | None = None
    password: Secret | None = None


class _SecondFactor(SSHException):
    """The host asks something that a stored password does not answer: its words."""


class AgentFailed(SSHException):
    """The agent does not sign: it has gone, it hangs, or its user said no."""


class _Agent(AgentSSH):
    """The ssh-agent of this user: one connection for all threads, closed for good when it fails."""

    def __init__(self, link: socket.socket) -> None:
        super().__init__()
        self._turn = threading.Lock()
        self._connect(link)  # type: ignore[attr-defined]

    def _send_message(self, msg: Any) -> Any:
        with self._turn:
            try:
                return super()._send_message(msg)  # type: ignore[misc]
            except (OSError, AttributeError, SSHException) as error:
                self.close()
                raise AgentFailed(f"the ssh-agent does not answer: {error}") from None

    def close(self) -> None:
        """Close the connection; there are no keys any more."""
        self._close()  # type: ignore[attr-defined]


class Keyring:
    """The keys of this controller: every key file is parsed once and shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._files: dict[str, paramiko.PKey] = {}
        self._agent: _Agent | None = None

    def offers(self, host: Host) -> list[Offer]:
        """Return what to offer to this host, in order; raises AuthenticationFailed when there is nothing to offer."""
        if host.key_file is not None or host.password is not None:
            offers = self._key_offers(host.key_file) if host.key_file is not None else []
            if host.password is not None:
                offers.append(Offer("the password", password=host.password))
            return offers
        offers = [Offer(f"agent key {_name(key)}", key=key) for key in self._agent_keys()[:3]]
        for path in DEFAULT_KEYS:
            if Path(path).expanduser().exists():
                try:
                    offers += self._key_offers(path)
                except AuthenticationFailed:
                    continue
        if not offers:
            raise AuthenticationFailed(
                "the inventory names neither a key nor a password, no agent runs, and there is no default key",
                reason="no_credential",
                hint="set ansible_ssh_private_key_file or ansible_password, or start ssh-agent",
            )
        return offers[:MAX_OFFERS]

    def close(self) -> None:
        """Close the connection to the agent."""
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    def _key_offers(self, path: str) -> list[Offer]:
        """Offer a key file: with its certificate first when `KEY-cert.pub` lies beside it, then by itself."""
        key = self._load(path)
        if key.public_blob is None:
            return [Offer(path, key=key)]
        bare = copy.copy(key)
        bare.public_blob = None
        return [Offer(f"{path} with its certificate", key=key), Offer(path, key=bare)]

    def _load(self, path: str) -> paramiko.PKey:
        with self._lock:
            if path not in self._files:
                self._files[path] = self._read(path)
            return self._files[path]

    def _read(self, path: str) -> paramiko.PKey:
        try:
            return paramiko.PKey.from_path(Path(path).expanduser())
        except (paramiko.PasswordRequiredException, TypeError):
            # cryptography says "Key is password-protected" with a TypeError for PEM and ValueError otherwise
            return self._from_agent(path)
        except OSError as error:
            raise _unusable(path, error.strerror or str(error)) from None
        except (ValueError, SSHException, UnsupportedAlgorithm, paramiko.pkey.UnknownKeyType) as error:
            if "password" in str(error).lower():
                return self._from_agent(path)
            raise _unusable(path, "it is not a private key that can be read") from None

    def _from_agent(self, path: str) -> paramiko.PKey:
        """Find an encrypted key in the agent, by the public key beside it."""
        try:
            public = paramiko.pkey.PublicBlob.from_file(str(Path(f"{path}.pub").expanduser())).key_blob
        except (OSError, ValueError):
            public = b""
        for key in self._agent_keys():
            if public and key.asbytes() == public:
                return key
        raise AuthenticationFailed(
            f"the key {path} is protected by a passphrase",
            reason="key_needs_passphrase",
            hint=f"load it into an agent: ssh-add {path} (its .pub file must lie beside it)",
        )

    def _agent_keys(self) -> Sequence[paramiko.PKey]:
        with self._lock:
            if self._agent is None:
                self._agent = _connect_agent()
            return self._agent.get_keys() if self._agent is not None else ()


def _connect_agent() -> _Agent | None:
    place = os.environ.get("SSH_AUTH_SOCK")
    if not place:
        return None
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(_AGENT_SECONDS)
        link.connect(place)
        return _Agent(link)
    except (OSError, SSHException):
        link.close()
        return None


def authenticate(client: Client, host: Host, offers: Sequence[Offer], guard: CredentialGuard) -> None:
    """Log in; every offer is made at most once.

    Raises AuthenticationFailed when the host refuses them all, CredentialSuspended when its password may not be tried,
    TimedOut or Unreachable when the connection ends.
    """
    name = login_name(host)
    wanted: list[str] = []
    for offer in offers:
        client.auth_timeout = client.remaining() + 1
        try:
            if offer.key is not None:
                wanted = list(client.auth_publickey(name, offer.key))
            elif offer.password is not None:
                credential = Credential(f"ssh {name}", offer.password)
                with guard.attempt(credential, host.name, client.remaining()) as attempt:
                    wanted = _try_password(client, name, offer.password.reveal(), attempt)
        except BadAuthenticationType as error:
            wanted = []
            allowed = error.allowed_types
            if offer.password is not None:
                raise _refused(name, offers, f"; it accepts only {', '.join(allowed)}") from None
            continue
        except _SecondFactor as error:
            asked = str(error)
            raise _expired(name) if _NEW_PASSWORD.search(asked) else _second_factor(f"it asks {asked[:80]!r}") from None
        except AuthenticationException as error:
            wanted = []
            if not client.is_active() or client.remaining() <= 0:
                raise _lost(client, name, offers, error) from None
            continue
        except (SSHException, EOFError, OSError) as error:
            if isinstance(error, AgentFailed) or "cannot be used for signing" in str(error):
                raise AuthenticationFailed(
                    f"{offer.label} cannot be used: {error}", reason="agent_failed", hint="look at: ssh-add -l"
                ) from None
            if "info request" in str(error):
                raise _expired(name) from None
            raise client.failure("authentication", error) from None
        if not wanted:
            return
    if wanted:
        raise _second_factor(f"it also wants {', '.join(wanted)}")
    raise _refused(name, offers, "")


def login_name(host: Host) -> str:
    """Return the account that we log in to: the user who runs this, unless the inventory names one.

    Raises AuthenticationFailed when neither has a name.
    """
    try:
        return host.user or getpass.getuser()
    except (KeyError, OSError):  # an account that passwd(5) does not know; from Python 3.13 on OSError
        raise AuthenticationFailed(
            "the inventory names no account, and this machine knows no name of the user who runs this",
            reason="no_credential",
            hint="set ansible_user",
        ) from None


def _try_password(client: Client, name: str, password: str, attempt: Attempt) -> list[str]:
    """Offer a password, once; return the methods that the host still wants after it."""
    try:
        wanted = _offer_password(client, name, password)
    except BadAuthenticationType:
        raise
    except AuthenticationException:
        # with MaxAuthTries 1, sshd says goodbye instead of no
        if client.is_active() or client.dismissed:
            attempt.refused()
        raise
    except _SecondFactor as error:
        if _SAME_PASSWORD.search(str(error)) and not _NEW_PASSWORD.search(str(error)):
            attempt.refused()
        raise
    attempt.accepted()
    return wanted


def _offer_password(client: Client, name: str, password: str) -> list[str]:
    try:
        return list(client.auth_password(name, password, fallback=False))
    except BadAuthenticationType as error:
        if "keyboard-interactive" not in error.allowed_types:
            raise
    answers = _answers(password)

    def answer(_title: str, instructions: str, prompts: Sequence[tuple[str, bool]]) -> list[str]:
        if not prompts:
            return []
        if len(prompts) == 1 and not prompts[0][1] and (reply := next(answers, None)) is not None:
            return [reply]
        raise _SecondFactor(" ".join(f"{instructions} {prompts[0][0]}".split()))

    return list(client.auth_interactive(name, answer))


def _answers(password: str) -> Iterator[str]:
    """Give the password once: a second question is a second factor, or the same one again after a refusal."""
    yield password


def _refused(name: str, offers: Sequence[Offer], addition: str) -> AuthenticationFailed:
    labels = ", ".join(offer.label for offer in offers)
    return AuthenticationFailed(
        f"the host refused {name} with {labels}{addition}",
        hint="check user, key and password in the inventory, and authorized_keys and sshd's log at the host",
    )


def _second_factor(what: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"the host wants more than one credential: {what}",
        reason="second_factor_required",
        hint="use a service account that logs in with a key alone",
    )


def _expired(name: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"the password of {name} has expired",
        reason="password_expired",
        hint="set a new one at the host; better, use a key",
    )


def _lost(client: Client, name: str, offers: Sequence[Offer], error: AuthenticationException) -> Exception:
    """Tell a refusal that ended the connection ("too many failures") from a lost connection or the deadline."""
    failure = client.failure("authentication")
    if failure.reason == "authentication_lost" and (len(offers) > 1 or client.dismissed):
        return _refused(name, offers, "; it closed the connection")
    return failure


def _unusable(path: str, why: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"the key file {path} cannot be used: {why}",
        reason="key_unreadable",
        hint="name a private key in OpenSSH or PEM format that this user may read",
    )


def _name(key: paramiko.PKey) -> str:
    return str(getattr(key, "comment", "") or key.get_name())
