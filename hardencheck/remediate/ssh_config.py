"""Our settings for one host as ssh_config(5), so that OpenSSH trusts and tries exactly what a sweep does.

Each host, and each jump host on the way to it, has an alias of its own. What vouches for its key are the lines that a
sweep would look at, in a file of its own: the user's files, their patterns and their look-up without a port have no say
any more. Words that ssh_config(5) cannot hold are refused.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from hardencheck.errors import AuthenticationFailed, Unreachable
from hardencheck.model.host import Host
from hardencheck.transport.credentials import DEFAULT_KEYS, login_name
from hardencheck.transport.hostkeys import DEFAULT_FILES, pinned

#: Characters that no quoting of ssh_config(5) takes: a quote, a backslash, a variable, a token, a line end.
_UNFIT = re.compile(r'["\\$%\x00-\x1f\x7f]')

#: What a sweep's own client does not offer either (see transport/client.py).
_COMMON = """\
  StrictHostKeyChecking yes
  GlobalKnownHostsFile /dev/null
  UpdateHostKeys no
  VerifyHostKeyDNS no
  CheckHostIP no
  CanonicalizeHostname no
  KexAlgorithms -*sha1*
  MACs -*sha1*,*md5*,umac-64*
  Ciphers -*cbc*
  GSSAPIAuthentication no
  HostbasedAuthentication no
  NumberOfPasswordPrompts 1
  ForwardAgent no
  ForwardX11 no
  ConnectTimeout 30
  LogLevel ERROR
  ServerAliveInterval 15
  ServerAliveCountMax 3
  PermitLocalCommand no
"""


@dataclass(frozen=True, slots=True)
class Trust:
    """Where one run keeps its files, and hardencheck's own known_hosts file."""

    folder: Path
    pins: Path


def write(host: Host, alias: str, trust: Trust) -> Path:
    """Write the configuration for a host and the hosts on the way to it, and return the file.

    Raises a TransportError when its settings cannot be written so.
    """
    hops = [
        replace(host, address=hop.address, port=hop.port, user=hop.user or host.user, password=None, jumps=())
        for hop in host.jumps
    ]
    blocks, before = [], ""
    for number, hop in enumerate(hops):
        blocks.append(_block(hop, f"{alias}j{number}", before, trust))
        before = f"{alias}j{number}"
    blocks.append(_block(host, alias, before, trust) + f"  ControlPath {trust.folder}/c/{alias[1:]}\n")
    path = trust.folder / f"{alias}.conf"
    path.write_text("".join(blocks))
    return path


def _block(host: Host, alias: str, jump: str, trust: Trust) -> str:
    known = trust.folder / "known" / alias
    known.write_text("".join(_known(host, trust.pins)))
    lines = [
        f"Host {alias}\n{_COMMON}",
        f"  HostName {_fit(host.address)}\n  HostKeyAlias {_fit(host.address.lower())}\n  Port {host.port}\n",
        f'  User "{_fit(login_name(host))}"\n  UserKnownHostsFile "{_fit(str(known))}"\n',
        f"  ProxyJump {jump or 'none'}\n",
    ]
    password = "yes" if host.password is not None else "no"
    lines.append(f"  PasswordAuthentication {password}\n  KbdInteractiveAuthentication {password}\n")
    lines.append(f"  BatchMode {'no' if host.password is not None else 'yes'}\n")
    return "".join(lines) + _keys(host)


def _known(host: Host, pins: Path) -> list[str]:
    """Return the lines that may vouch for a host, under the name that ssh looks for."""
    files = [Path(name).expanduser() for name in host.known_hosts or DEFAULT_FILES]
    found = pinned([*files, pins], host.address, host.port)
    marked = ((f"@{pin.marker} " if pin.marker else "", pin.key) for pin in found)
    return [f"{mark}{host.address.lower()} {key.key_type} {key.base64}\n" for mark, key in marked]


def _keys(host: Host) -> str:
    """Say which keys to offer: the host's own, or when it has neither key nor password, what ssh offers by default."""
    if host.key_file is not None:
        path = Path(host.key_file).expanduser()
        if not os.access(path, os.R_OK):
            raise AuthenticationFailed(f"the key file {path} cannot be read", reason="key_unreadable")
        certificate = Path(f"{path}-cert.pub")
        shown = f'  CertificateFile "{_fit(str(certificate))}"\n' if certificate.exists() else ""
        return f'  IdentitiesOnly yes\n  IdentityFile "{_fit(str(path))}"\n{shown}'
    if host.password is not None:
        return "  PubkeyAuthentication no\n"
    present = [path for path in map(Path, map(os.path.expanduser, DEFAULT_KEYS)) if path.exists()]
    return "".join(f'  IdentityFile "{_fit(str(path))}"\n' for path in present) or "  IdentityFile none\n"


def _fit(word: str) -> str:
    if not word or _UNFIT.search(word):
        raise Unreachable(f"{word!r} cannot stand in a configuration for ssh", reason="host_settings")
    return word
