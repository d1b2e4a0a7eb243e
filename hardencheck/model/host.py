"""One target from the inventory, and how to reach it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn

from hardencheck.model.outcome import Platform


class Secret:
    """A password that shows itself only through `reveal()`: never in repr, str, format, pickle or JSON."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, for the one call that hands it to a protocol."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialisable")


@dataclass(frozen=True, slots=True)
class Become:
    """Privilege escalation by sudo: to whom, and with which password (None: `sudo -n`)."""

    user: str = "root"
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Jump:
    """One hop of `ProxyJump`: `[user@]host[:port]`."""

    address: str
    port: int = 22
    user: str | None = None


class WinRmLogin(StrEnum):
    """How an account proves itself to WinRM; NEGOTIATE is Kerberos for `user@REALM` where installed, or NTLM."""

    NEGOTIATE = "negotiate"
    KERBEROS = "kerberos"
    NTLM = "ntlm"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class WinRm:
    """How to reach a Windows host's WinRM listener; the address, the port and the account are the Host's.

    `ca` is the file or folder of the CAs that may vouch for the host, None for those of this machine. `seal` encrypts
    messages inside TLS too; over plain HTTP they always are. `kerberos_name` is the host's name in the realm where it
    is not its address.
    """

    scheme: str = "https"
    path: str = "/wsman"
    login: WinRmLogin = WinRmLogin.NEGOTIATE
    ca: str | None = None
    certificate: str | None = None
    certificate_key: str | None = None
    seal: bool = False
    kerberos_name: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One target: its name in the inventory, its place in the company, and its connection settings.

    `known_hosts` and `jumps` come from `ansible_ssh_common_args`; an empty `known_hosts` means the default files.
    `connection` is `ssh`, `local`, `winrm` or `replay`; `winrm` is set for WinRM only.
    """

    name: str
    address: str
    port: int = 22
    platform: Platform = Platform.LINUX
    connection: str = "ssh"
    user: str | None = None
    key_file: str | None = None
    password: Secret | None = None
    become: Become | None = None
    jumps: tuple[Jump, ...] = ()
    known_hosts: tuple[str, ...] = ()
    winrm: WinRm | None = None
    groups: tuple[str, ...] = ()
    client: str | None = None
    process_unit: str | None = None
    site: str | None = None
    owner: str | None = None
    #: a problem in this host's variables that forbids connecting; the host becomes unreachable with this sentence
    problem: str | None = field(default=None)
