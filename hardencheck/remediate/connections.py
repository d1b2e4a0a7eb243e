"""Who is let in before Ansible starts; for SSH, connections that it sends its tasks over without seeing a password.

Ansible hands a password to ssh through shared memory, which outlives a process that is killed. So the password is given
here, to ssh's own question and through a pipe: once per connection, as whoever asks again has refused it. ssh leads its
connection as long as this process lives: it is watched by a shell that ends it at the end of its standard input.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hardencheck.errors import AuthenticationFailed, HostKeyRejected, TimedOut, TransportError, Unreachable
from hardencheck.model.host import Host
from hardencheck.remediate.environment import program
from hardencheck.remediate.ssh_config import Trust, write
from hardencheck.transport.credentials import login_name
from hardencheck.transport.guard import Credential, CredentialGuard
from hardencheck.transport.winrm_kerberos import Tickets
from hardencheck.transport.winrm_login import log_in

#: What a host may take to let us in.
SECONDS = 60.0

#: A server that is asked by more at a time begins to drop them (MaxStartups 10), and so does a jump host.
_AT_A_TIME = 8

_SAID_BYTES = 4096
_WORD = b"hardencheck-up\n"

#: Runs ssh with the file in $1 as its input, and ends it when our own input ends, so when hardencheck does.
_WATCH = """\
input=$1; shift
"$@" <"$input" &
exec >/dev/null 2>&1
IFS= read -r l
kill $!
"""

#: Answers ssh's question for a password with the one line of ssh's input; there is none for a second question.
_ASKPASS = """\
#!/bin/sh
case $1 in "Enter passphrase"*|*" key "*) exit 1 ;; esac
IFS= read -r p || { kill "$PPID"; exit 1; }
printf '%s\\n' "$p"
"""


@dataclass
class Connections:
    """The hosts of one run of a playbook: an SSH host's configuration file by its alias, and who cannot be reached."""

    trust: Trust
    environment: Mapping[str, str]
    guard: CredentialGuard
    files: dict[str, Path] = field(default_factory=dict)
    failures: dict[str, TransportError] = field(default_factory=dict)
    _watchers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _tickets: Tickets = field(default_factory=Tickets)
    _closed: bool = False

    def open(self, hosts: Mapping[str, Host]) -> None:
        """Connect to hosts, given by their aliases; what cannot be reached becomes one of `failures`."""
        asker = self.trust.folder / "askpass"
        if not asker.exists():
            asker.write_text(_ASKPASS)
            asker.chmod(0o700)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            try:
                list(pool.map(self._try, hosts, hosts.values()))
            except BaseException:
                self.close()  # whoever waits for a host waits no more
                raise

    def close(self) -> None:
        """End all connections."""
        self._closed = True
        self._tickets.close()
        for watcher in self._watchers:
            for pipe in (watcher.stdin, watcher.stdout, watcher.stderr):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        for watcher in self._watchers:
            with suppress(subprocess.TimeoutExpired):
                watcher.wait(5)

    def _try(self, alias: str, host: Host) -> None:
        try:
            if self._closed:
                raise Unreachable("stopped before it was its turn")
            if host.connection == "winrm":
                # Ansible logs in by itself: where the host has proved itself, with an account that it takes
                log_in(host, self.guard, self._tickets, time.monotonic() + SECONDS).close()
                return
            file = write(host, alias, self.trust)
            if host.password is None:
                self._connect(alias, host, file)
            else:
                with self.guard.attempt(Credential(f"ssh {login_name(host)}", host.password), host.name, SECONDS) as it:
                    self._connect(alias, host, file)
                    it.accepted()
            self.files[alias] = file
        except TransportError as error:
            self.failures[alias] = error

    def _connect(self, alias: str, host: Host, file: Path) -> None:
        """Start ssh and wait until it has logged in; raises a TransportError."""
        secret = b"" if host.password is None else _line(host.password.reveal())
        ssh = program("ssh", dict(self.environment))
        options = ["ControlMaster=yes", "PermitLocalCommand=yes", f"LocalCommand=echo {_WORD.decode().strip()}"]
        line = [ssh, "-F", str(file), *(word for option in options for word in ("-o", option)), "-N", alias]
        environment = dict(self.environment)
        if secret:
            environment |= {
                "SSH_ASKPASS": str(self.trust.folder / "askpass"),
                "SSH_ASKPASS_REQUIRE": "force",
                "DISPLAY": "none",  # what OpenSSH before 8.4 wants to see
            }
        with _pipe(secret) as held:
            watcher = subprocess.Popen(  # noqa: S603  the words are ours, and files that we wrote
                ["/bin/sh", "-c", _WATCH, "sh", f"/dev/fd/{held}", *line],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=self.trust.folder,
                pass_fds=[held],
                start_new_session=True,
            )
        self._watchers.append(watcher)
        said, up = _listen(watcher, time.monotonic() + SECONDS)
        if up:
            return
        if watcher.stdin is not None:
            watcher.stdin.close()
        raise _failure(said)


@contextmanager
def _pipe(content: bytes) -> Iterator[int]:
    """Give the end to read from of a pipe that holds some bytes and its end."""
    reader, writer = os.pipe()
    try:
        try:
            os.write(writer, content)
        finally:
            os.close(writer)
        yield reader
    finally:
        os.close(reader)


def _listen(watcher: subprocess.Popen[bytes], deadline: float) -> tuple[str | None, bool]:
    """Return what ssh complains of, None when its time is up, and whether it has logged in."""
    said = {"out": b"", "err": b""}
    with selectors.DefaultSelector() as selector:
        for name, pipe in (("out", watcher.stdout), ("err", watcher.stderr)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, name)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                return None, False
            for key, _ in ready:
                try:
                    data = os.read(key.fd, _SAID_BYTES)
                except OSError:
                    data = b""
                if not data:
                    selector.unregister(key.fileobj)
                said[key.data] = (said[key.data] + data)[-_SAID_BYTES:]
            if _WORD in said["out"]:
                return "", True
    return said["err"].decode("utf-8", "replace"), False


def _failure(said: str | None) -> TransportError:
    if said is None:
        return TimedOut("the host did not let us in in time", reason="connect_timed_out")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    why = lines[-1][:300] if lines else "ssh ended without a word"
    if "host key verification failed" in said.lower() or "IDENTIFICATION HAS CHANGED" in said:
        return HostKeyRejected(
            "the host key is not one that is trusted; nothing was sent",
            reason="host_key_changed" if "CHANGED" in said else "host_key_unknown",
        )
    if "permission denied" in said.lower() or not lines:
        return AuthenticationFailed(f"the host refused the credential: {why}")
    return Unreachable(f"ssh: {why}")


def _line(password: str) -> bytes:
    if not password or any(sign in password for sign in "\n\r\0"):
        raise AuthenticationFailed("the password is empty or holds a line end", reason="no_credential")
    return f"{password}\n".encode()


def named(hosts: Iterable[Host]) -> dict[str, Host]:
    """Return the hosts by the aliases that Ansible and ssh know them by."""
    return {f"h{number}": host for number, host in enumerate(hosts)}
