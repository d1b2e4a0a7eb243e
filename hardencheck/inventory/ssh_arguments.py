"""The ssh(1) options inside `ansible_ssh_common_args` and its siblings: which of them hardencheck can honour."""

from __future__ import annotations

import getopt
import os
import re
import shlex
from dataclasses import dataclass
from functools import lru_cache

from hardencheck.model.host import Jump

#: getopt(3) string of ssh(1), OpenSSH 9.9 (ssh.c)
_SSH_OPTIONS = "1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy"
#: options that change nothing that hardencheck does: one connection, no terminal, no forwarding, no log
_WITHOUT_EFFECT = frozenset(["-A", "-C", "-T", "-a", "-k", "-n", "-q", "-v", "-x", "-y"])
_WITHOUT_EFFECT_LONG = re.compile(
    "batchmode|compression|connectionattempts|connecttimeout|control(master|path|persist)|forward(agent|x11)"
    "|identitiesonly|loglevel|requesttty|serveralive(countmax|interval)|tcpkeepalive|updatehostkeys"
)
_DEFAULT_KNOWN_HOSTS = {
    "userknownhostsfile": ("~/.ssh/known_hosts", "~/.ssh/known_hosts2"),
    "globalknownhostsfile": ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"),
}
_DESTINATION = re.compile(r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?(?P<rest>\S+)")
_WITH_PORT = re.compile(r"(?:\[(?P<bracketed>[^\]]+)\]|(?P<plain>[^:\[\]]+))(?::(?P<port>\d+))?")
_ADDRESS = re.compile(r"[\w:][\w.:%-]*")


class UnusableArgumentsError(Exception):
    """The options hold something without which the host must not be contacted; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class SshArguments:
    """What the options ask for; None and empty mean that they say nothing about it."""

    user: str | None = None
    port: int | None = None
    key_file: str | None = None
    jumps: tuple[Jump, ...] = ()
    known_hosts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@lru_cache(maxsize=1024)
def parse(text: str) -> SshArguments:
    """Return what the options in `text` ask for; raises `UnusableArgumentsError`.

    As in ssh_config(5), the first value of an option wins. Values never appear in warnings: they may hold secrets.
    """
    found, warnings = _collect(text)
    command = found.get("proxycommand", "none")
    if command.lower() != "none":
        raise UnusableArgumentsError("ProxyCommand is not supported; use -o ProxyJump=user@bastion:port instead")
    if found.get("stricthostkeychecking", "yes").lower() not in ("yes", "true", "ask"):
        warnings.append("StrictHostKeyChecking is ignored: hardencheck always verifies host keys")
    port = found.get("port")
    if port is not None and not is_port(port):
        raise UnusableArgumentsError("the port in the ssh options is not a number from 1 to 65535")
    key_file = found.get("identityfile")
    return SshArguments(
        user=found.get("user"),
        port=None if port is None else int(port),
        key_file=None if key_file is None else local_path(key_file),
        jumps=_jumps(found.get("proxyjump", "none")),
        known_hosts=_known_hosts(found, warnings),
        warnings=tuple(warnings),
    )


def is_port(text: str) -> bool:
    """Say whether `text` is a TCP port number."""
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535


def is_address(text: str) -> bool:
    """Say whether `text` can be a host name or an IP address: no spaces, quotes, braces or leading dash."""
    return _ADDRESS.fullmatch(text) is not None


def local_path(path: str) -> str:
    """Return the path as ssh reads it: `~` is the home folder, a relative path starts at the current folder."""
    return os.path.abspath(os.path.expanduser(path))


def _collect(text: str) -> tuple[dict[str, str], list[str]]:
    """Return option name in small letters -> its first value, and warnings about what has no meaning here."""
    try:
        options, operands = getopt.getopt(shlex.split(text), _SSH_OPTIONS)
    except (ValueError, getopt.GetoptError) as error:
        raise UnusableArgumentsError("the ssh options cannot be parsed: a quote or a value is missing") from error
    if operands:
        raise UnusableArgumentsError("the ssh options hold a word that is not an option; quote values that hold spaces")
    short = {"-p": "port", "-l": "user", "-i": "identityfile", "-J": "proxyjump"}
    known = {*short.values(), *_DEFAULT_KNOWN_HOSTS, "proxycommand", "stricthostkeychecking"}
    found: dict[str, str] = {}
    warnings: list[str] = []
    for option, value in options:
        if option in short:
            found.setdefault(short[option], value)
        elif option == "-o":
            name, content = _keyword(value)
            if name in known:
                found.setdefault(name, content)
            elif not _WITHOUT_EFFECT_LONG.fullmatch(name):
                warnings.append(f"ssh option {_word(name)} is ignored: hardencheck does not know it")
        elif option not in _WITHOUT_EFFECT:
            warnings.append(f"ssh option {option} is ignored: hardencheck does not know it")
    return found, warnings


def _keyword(text: str) -> tuple[str, str]:
    """Split `Keyword=value` or `Keyword value`, as ssh_config(5) allows both."""
    name, _, value = text.strip().replace("=", " ", 1).partition(" ")
    return name.lower(), value.strip().removeprefix("=").strip().strip('"')


def _word(text: str) -> str:
    return text if text.isalnum() else "-o"


def _jumps(text: str) -> tuple[Jump, ...]:
    if text.lower() == "none":
        return ()
    return tuple(_jump(hop) for hop in text.split(","))


def _jump(hop: str) -> Jump:
    trouble = UnusableArgumentsError("ProxyJump is not a list of [user@]host[:port]")
    destination = _DESTINATION.fullmatch(hop.strip().removesuffix("/"))
    if destination is None:
        raise trouble
    rest = destination["rest"]
    parts = _WITH_PORT.fullmatch(rest)
    address = (parts["bracketed"] or parts["plain"]) if parts else rest
    port = parts["port"] if parts and parts["port"] else "22"
    if not is_address(address) or not is_port(port) or (parts is None and rest.count(":") < 2):
        raise trouble
    return Jump(address, int(port), destination["user"])


def _known_hosts(found: dict[str, str], warnings: list[str]) -> tuple[str, ...]:
    """Return the known_hosts files when the options name any; the kind that they do not name keeps its defaults."""
    named = {kind: found[kind].replace('"', "").split() for kind in _DEFAULT_KNOWN_HOSTS if kind in found}
    for kind, paths in list(named.items()):
        if all(path in ("/dev/null", "none") for path in paths):
            warnings.append("an empty known_hosts file is ignored: hardencheck always verifies host keys")
            del named[kind]
    if not named:
        return ()
    files: list[str] = []
    for kind, defaults in _DEFAULT_KNOWN_HOSTS.items():
        files += map(local_path, named[kind]) if kind in named else filter(os.path.exists, map(local_path, defaults))
    return tuple(files)
