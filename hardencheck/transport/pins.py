"""Writing hardencheck's own known_hosts file: the keys that somebody has compared and trusts."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hardencheck.errors import ConfigurationError, HostKeyRejected, StoreError, UsageError
from hardencheck.transport.certificates import CERTIFICATE
from hardencheck.transport.hostkeys import HostKey, KnownHosts, known_name

#: Characters that mean something in known_hosts, or end a word there.
_UNFIT = re.compile(r"[\s,*?!#@|\x00-\x20\x7f]")


def pin(path: Path, address: str, port: int, key: HostKey, *, replace: bool = False) -> bool:
    """Trust a host key from now on; False when the file holds it already.

    A key of another type is added besides; another key of the same type is refused (HostKeyRejected) unless `replace`
    is set, which drops all keys of this host from the file. The file has mode 0600 and is never half written. Raises
    UsageError when the address or the key cannot stand in a known_hosts file, StoreError when it cannot be written.
    """
    if not address or _UNFIT.search(address):
        raise UsageError(f"{address!r} cannot stand in a known_hosts file", hint="give an address or a host name")
    if not re.fullmatch(r"[a-z0-9-]+(@openssh\.com)?", key.key_type) or CERTIFICATE in key.key_type:
        raise UsageError(f"{key.key_type!r} is not the type of a plain host key", hint="pin the key, not a certificate")
    name = known_name(address, port)
    line = f"{name} {key.key_type} {key.base64}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _pin(path, name, line, key, replace)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written: {error.strerror or error}",
            hint="it holds the trusted host keys; run as the user who owns the store, on a disk with space left",
        ) from error


def _pin(path: Path, name: str, line: str, key: HostKey, replace: bool) -> bool:
    with _locked(path.parent):
        known = [found for found in KnownHosts.read(path).find(name) if not found.marker]
        if any(found.key == key for found in known) and (not replace or len(known) == 1):
            return False
        rival = next((found for found in known if found.key.key_type == key.key_type), None)
        if rival is not None and not replace:
            raise HostKeyRejected(
                f"{rival.where} has another {key.key_type} key for {name}",
                reason="host_key_changed",
                hint="hardencheck trust --replace, once you have compared the fingerprint at the host",
            )
        if known and replace:
            _rewrite(path, name, line)
        else:
            _append(path, line)
    return True


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes away from the files of a folder."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _append(path: Path, line: str) -> None:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        data = (("\n" if torn else "") + line).encode()
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(fd)
    finally:
        os.close(fd)


def _rewrite(path: Path, name: str, line: str) -> None:
    kept = [old for old in path.read_text().splitlines(keepends=True) if old.split(maxsplit=1)[:1] != [name]]
    fresh = path.with_name(f".{path.name}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as out:
        out.writelines([*kept, line])
        out.flush()
        os.fsync(out.fileno())
    others = [found for found in KnownHosts.read(fresh).find(name) if not found.marker]
    if len(others) > 1:
        where = others[0].where.replace(str(fresh), str(path))
        fresh.unlink()
        raise ConfigurationError(
            f"{where} names {name} together with others, or hashed", hint="edit this line by hand, then try again"
        )
    fresh.replace(path)
