"""A stale password and many hosts, through a real sshd with PAM that counts what it refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from hardencheck.errors import TransportError
from hardencheck.model.host import Become, Host, Secret
from hardencheck.transport.diagnose import State, diagnose
from hardencheck.transport.guard import CredentialGuard
from hardencheck.transport.ssh import SshTransport
from hardencheck.transport.suspensions import Suspensions
from tests.transport.conftest import PATIENT
from tests.transport.machine import Machine

RIGHT, WRONG = Secret(Machine.PASSWORD), Secret("wrong horse")
PASSWORD = ("PasswordAuthentication yes", "KbdInteractiveAuthentication no")
INTERACTIVE = ("PasswordAuthentication no", "KbdInteractiveAuthentication yes")
HOSTS = 20


@pytest.fixture
def place(machine: Machine, tmp_path: Path) -> Host:
    """Describe the machine, whose sshd the test has yet to start, as a host with the right password."""
    known = tmp_path / "known_hosts"
    key = machine.do("cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub")
    known.write_text(f"[127.0.0.1]:{machine.port} {key}")
    return Host("target", "127.0.0.1", machine.port, user="scan", password=RIGHT, known_hosts=(str(known),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "credentials.json"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def many(host: Host, **changes: object) -> list[Host]:
    return [replace(host, name=f"desk-{number:02}", **changes) for number in range(HOSTS)]  # type: ignore[arg-type]


def sweep(hosts: Sequence[Host], path: Path | None) -> Counter[str]:
    """Ask all hosts at once, as one run does; return how often each reason kept one from answering, or `in`.

    Where sudo refused its password, that is `no root`.
    """
    transport = SshTransport(guard=CredentialGuard(path))

    def ask(host: Host) -> str:
        try:
            exchange = transport.run(host, b"echo in\n", PATIENT)
        except TransportError as error:
            return error.reason
        assert exchange.stdout == b"in\n"
        return "no root" if b"refused the password" in exchange.stderr else "in"

    with ThreadPoolExecutor(len(hosts)) as pool:
        found = Counter(pool.map(ask, hosts))
    transport.close()
    return found


@pytest.mark.parametrize("settings", [PASSWORD, INTERACTIVE, (*PASSWORD, "MaxAuthTries 1")])
def test_wrong_password_reaches_two_servers_until_it_is_reset(
    machine: Machine, place: Host, path: Path, stack: ExitStack, settings: tuple[str, ...]
) -> None:
    stack.enter_context(machine.sshd(*settings, "MaxStartups 100"))
    found = sweep(many(place, password=WRONG), path)
    assert found == {"authentication_failed": 2, "credential_suspended": HOSTS - 2}
    assert machine.failures() == 2, "PAM locks the account at the third"

    assert sweep(many(place), path) == {"credential_suspended": HOSTS}
    assert machine.failures() == 2
    assert "Accepted" not in machine.do("cat /sshd.log")

    Suspensions(path).remove(["ssh scan"])
    assert sweep(many(place), path) == {"in": HOSTS}


def test_password_of_one_host_that_differs(machine: Machine, place: Host, path: Path, stack: ExitStack) -> None:
    stack.enter_context(machine.sshd(*PASSWORD, "MaxStartups 100"))
    hosts = many(place)
    hosts[3] = replace(hosts[3], password=WRONG)
    assert sweep(hosts, path) == {"authentication_failed": 1, "in": HOSTS - 1}
    assert not path.exists()


def test_hosts_that_take_no_passwords_say_nothing_about_it(
    machine: Machine, place: Host, path: Path, stack: ExitStack
) -> None:
    stack.enter_context(machine.sshd("PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 100"))
    assert sweep(many(place), path) == {"authentication_failed": HOSTS}
    assert not path.exists()


def test_right_password_that_is_not_enough_says_nothing_against_it(
    machine: Machine, place: Host, path: Path, stack: ExitStack
) -> None:
    both = "AuthenticationMethods password,keyboard-interactive"
    stack.enter_context(machine.sshd("PasswordAuthentication yes", "KbdInteractiveAuthentication yes", both))
    assert sweep(many(place)[:5], path) == {"second_factor_required": 5}
    assert not path.exists()


def test_key_is_shown_to_every_host(machine: Machine, place: Host, path: Path, stack: ExitStack, key: Path) -> None:
    stack.enter_context(machine.sshd(*PASSWORD, "MaxStartups 100"))
    found = sweep(many(place, password=None, key_file=str(key)), path)
    assert found == {"authentication_failed": HOSTS}
    assert not path.exists()


def test_wrong_password_for_sudo_reaches_two_hosts(machine: Machine, place: Host, path: Path, stack: ExitStack) -> None:
    stack.enter_context(machine.sshd(*PASSWORD, "MaxStartups 100"))
    machine.sudoers("scan ALL=(ALL) ALL\n")
    found = sweep(many(place, become=Become(password=WRONG)), path)
    assert found == {"no root": 2, "credential_suspended": HOSTS - 2}
    assert sweep(many(place, become=Become(password=RIGHT)), path) == {"credential_suspended": HOSTS}
    assert sweep(many(place), path) == {"in": HOSTS}, "the login itself is another credential"

    Suspensions(path).remove(["sudo scan"])
    machine.forget_failures()
    assert sweep(many(place, become=Become(password=RIGHT)), path) == {"in": HOSTS}


def test_hosts_that_ask_for_no_password_for_sudo_say_nothing_about_it(
    machine: Machine, place: Host, path: Path, stack: ExitStack
) -> None:
    stack.enter_context(machine.sshd(*PASSWORD, "MaxStartups 100"))
    machine.sudoers("scan ALL=(ALL) NOPASSWD: ALL\n")
    assert sweep(many(place, become=Become(password=WRONG)), path) == {"in": HOSTS}
    assert not path.exists()


@pytest.mark.parametrize(("become", "step"), [(None, "authentication"), (Become(password=WRONG), "privilege")])
def test_doctor_says_where_it_stopped(
    machine: Machine, place: Host, path: Path, stack: ExitStack, become: Become | None, step: str
) -> None:
    stack.enter_context(machine.sshd(*PASSWORD))
    machine.sudoers("scan ALL=(ALL) ALL\n")
    host = replace(place, become=become, password=RIGHT if become else WRONG)
    sweep([host] * 2, path)
    transport = SshTransport(guard=CredentialGuard(path))
    steps = diagnose(transport, host, PATIENT, lambda: 0.0)
    transport.close()
    states = {found.name: found.state for found in steps}
    assert states["host_key"] is State.OK
    assert states[step] is State.FAILED
    assert states["authentication"] is (State.OK if become else State.FAILED)
    failed = next(found for found in steps if found.state is State.FAILED)
    assert failed.message.startswith("credential suspended: ")
    assert "hardencheck credential reset" in failed.hint
