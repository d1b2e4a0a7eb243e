"""Servers and keys that the tests of this folder share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hardencheck.model.capture import Limits
from hardencheck.model.host import Host
from hardencheck.transport.ssh import SshTransport
from hardencheck.transport.winrm import WinRmTransport
from tests.transport import machine as machines
from tests.transport.machine import Machine
from tests.transport.sshd import Sshd, keygen, public, unavailable
from tests.winlab import lab as windows

#: Enough for a loaded machine; tests that wait for a limit set a smaller one.
PATIENT = Limits(deadline=60, idle=50)

Serve = Callable[..., Sshd]


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client key that the servers accept."""
    if reason := unavailable():
        pytest.skip(reason)
    return keygen(tmp_path_factory.mktemp("keys") / "id", "-t", "ed25519")


@pytest.fixture
def serve(tmp_path: Path, key: Path) -> Iterator[Serve]:
    """Start an sshd with these settings; all of them end with the test."""
    servers: list[Sshd] = []

    def start(*settings: str, **options: object) -> Sshd:
        server = Sshd(tmp_path / f"sshd{len(servers)}", list(settings), authorized=[public(key)])
        for name, value in options.items():
            setattr(server, name, value)
        servers.append(server)
        return server.start()

    try:
        yield start
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
def transport() -> Iterator[SshTransport]:
    """A transport that leaves no thread and no descriptor behind."""
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    transport = SshTransport()
    yield transport
    transport.close()
    assert threading.active_count() == threads, threading.enumerate()
    assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.fixture
def host_at(tmp_path: Path, key: Path) -> Callable[..., Host]:
    """Describe a server as a host whose key is pinned, unless `lines` says what known_hosts holds."""

    def describe(server: Sshd, lines: str | None = None, **settings: object) -> Host:
        known = tmp_path / f"known_hosts.{server.port}"
        known.write_text(server.known if lines is None else lines)
        options: dict[str, object] = {"user": "root", "key_file": str(key), "known_hosts": (str(known),), **settings}
        return Host("target", "127.0.0.1", server.port, **options)  # type: ignore[arg-type]

    return describe


@pytest.fixture(scope="session")
def booted() -> Iterator[Machine]:
    """One throw-away Debian for all tests that need real sudo and PAM."""
    if reason := machines.unavailable():
        pytest.skip(reason)
    machine = Machine()
    try:
        yield machine
    finally:
        machine.close()


@pytest.fixture
def machine(booted: Machine) -> Machine:
    """The machine with nobody's failures on record."""
    booted.forget_failures()
    return booted


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[windows.Lab]:
    """Windows hosts."""
    with windows.opened(tmp_path) as opened:
        yield opened


@pytest.fixture
def winrm() -> Iterator[WinRmTransport]:
    """A transport to Windows hosts."""
    with windows.reaching() as transport:
        yield transport
