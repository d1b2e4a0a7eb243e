"""Passwords through a real sshd with PAM: one try, whichever way it asks; and what the doctor makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from hardencheck.errors import AuthenticationFailed
from hardencheck.model.capture import Ended
from hardencheck.model.host import Become, Host, Secret
from hardencheck.transport.diagnose import State, Step, diagnose
from hardencheck.transport.ssh import SshTransport
from tests.transport.conftest import PATIENT
from tests.transport.machine import Machine

RIGHT, WRONG = Secret(Machine.PASSWORD), Secret("wrong horse")
BOTH = ("PasswordAuthentication yes", "KbdInteractiveAuthentication yes")
PASSWORD = ("PasswordAuthentication yes", "KbdInteractiveAuthentication no")
INTERACTIVE = ("PasswordAuthentication no", "KbdInteractiveAuthentication yes")

Up = Callable[..., Host]


@pytest.fixture
def up(machine: Machine, tmp_path: Path) -> Iterator[Up]:
    """Start the machine's sshd with these settings; return it as a host with the right password."""
    with ExitStack() as stack:

        def start(*settings: str) -> Host:
            stack.enter_context(machine.sshd(*settings))
            known = tmp_path / "known_hosts"
            key = machine.do("cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub")
            known.write_text(f"[127.0.0.1]:{machine.port} {key}")
            return Host("target", "127.0.0.1", machine.port, user="scan", password=RIGHT, known_hosts=(str(known),))

        yield start


@pytest.mark.parametrize("settings", [BOTH, PASSWORD, INTERACTIVE])
def test_right_password(transport: SshTransport, machine: Machine, up: Up, settings: tuple[str, ...]) -> None:
    exchange = transport.run(up(*settings), b"echo in\n", PATIENT)
    assert (exchange.stdout, exchange.ended) == (b"in\n", Ended.CLOSED)
    assert machine.failures() == 0


@pytest.mark.parametrize("settings", [BOTH, PASSWORD, INTERACTIVE])
def test_wrong_password_is_one_try(
    transport: SshTransport, machine: Machine, up: Up, settings: tuple[str, ...]
) -> None:
    host = replace(up(*settings), password=WRONG)
    with pytest.raises(AuthenticationFailed) as caught:
        transport.run(host, b"true\n", PATIENT)
    assert caught.value.reason == "authentication_failed", caught.value.message
    assert machine.failures() == 1
    assert "horse" not in caught.value.message


def test_host_that_takes_no_passwords(transport: SshTransport, machine: Machine, up: Up) -> None:
    host = up("PasswordAuthentication no", "KbdInteractiveAuthentication no")
    with pytest.raises(AuthenticationFailed, match="accepts only publickey"):
        transport.run(host, b"true\n", PATIENT)
    assert machine.failures() == 0


def test_host_that_wants_two_answers(transport: SshTransport, machine: Machine, up: Up) -> None:
    with pytest.raises(AuthenticationFailed, match="it also wants password") as caught:
        transport.run(up(*BOTH, "AuthenticationMethods keyboard-interactive,password"), b"true\n", PATIENT)
    assert caught.value.reason == "second_factor_required"


def test_second_question_is_not_answered_with_the_password(transport: SshTransport, machine: Machine, up: Up) -> None:
    """An expired password is asked for again: what a stored password must not answer."""
    machine.do("chage -d 0 scan")
    try:
        with pytest.raises(AuthenticationFailed) as caught:
            transport.run(up(*INTERACTIVE), b"true\n", PATIENT)
    finally:
        machine.do("chage -d 20000 scan")
    assert caught.value.reason == "password_expired", caught.value.message
    assert machine.failures() == 0


def test_login_and_sudo(transport: SshTransport, machine: Machine, up: Up) -> None:
    machine.sudoers("scan ALL=(ALL) ALL\n")
    exchange = transport.run(replace(up(*BOTH), become=Become(password=RIGHT)), b"id -u\n", PATIENT)
    assert (exchange.stdout, exchange.exit_status) == (b"0\n", 0)
    assert machine.do("cat /sshd.log").count("Accepted password") == 1


def doctor(transport: SshTransport, host: Host) -> dict[str, Step]:
    steps = diagnose(transport, host, PATIENT, time.time)
    assert [step.name for step in steps] == [
        "dns", "port", "host_key", "authentication", "privilege", "shell", "clock",
    ]  # fmt: skip
    return {step.name: step for step in steps}


@pytest.mark.parametrize(
    ("sudoers", "become", "state", "hint"),
    [
        ("scan ALL=(ALL) NOPASSWD: ALL", Become(), State.OK, ""),
        ("scan ALL=(ALL) NOPASSWD: ALL", Become("other"), State.NOT_TRIED, "ansible_become_user"),
        ("scan ALL=(ALL) NOPASSWD: ALL", None, State.NOT_TRIED, "ansible_become: true"),
        ("scan ALL=(ALL) ALL", Become(), State.FAILED, "NOPASSWD"),
        ("scan ALL=(ALL) ALL", Become(password=WRONG), State.FAILED, "correct ansible_become_password"),
        ("scan ALL=(ALL) ALL\nDefaults requiretty", Become(), State.FAILED, "requiretty"),
        ("", Become(password=RIGHT), State.FAILED, "sudoers.d"),
    ],
)
def test_doctor_explains_sudo(
    transport: SshTransport, machine: Machine, up: Up, sudoers: str, become: Become | None, state: State, hint: str
) -> None:
    machine.sudoers(f"{sudoers}\n")
    steps = doctor(transport, replace(up(*BOTH), become=become))
    assert steps["privilege"].state is state, steps
    assert hint in steps["privilege"].hint
    assert {steps[name].state for name in ("dns", "port", "host_key", "authentication", "shell", "clock")} == {State.OK}
    assert machine.do("cat /sshd.log").count("Connection from") == 1


def test_doctor_explains_a_password_that_has_to_be_changed(transport: SshTransport, machine: Machine, up: Up) -> None:
    machine.do("chage -d 0 scan")
    try:
        shell = doctor(transport, up(*BOTH))["shell"]
    finally:
        machine.do("chage -d 2026-01-01 scan")
    assert shell.state is State.FAILED
    assert "password has expired" in shell.message
    assert "new password" in shell.hint


def test_doctor_finds_an_account_without_a_shell(transport: SshTransport, machine: Machine, up: Up) -> None:
    machine.do("usermod -s /usr/sbin/nologin scan")
    try:
        steps = doctor(transport, up(*BOTH))
    finally:
        machine.do("usermod -s /bin/sh scan")
    assert steps["shell"].state is State.FAILED
    assert "not available" in steps["shell"].message
    assert steps["authentication"].state is State.OK
    assert steps["clock"].state is State.NOT_TRIED


def test_doctor_forgives_a_talking_start_up_file(transport: SshTransport, machine: Machine, up: Up) -> None:
    machine.do("usermod -s /bin/bash scan; echo 'echo hello from bashrc' >/home/scan/.bashrc")
    try:
        steps = doctor(transport, up(*BOTH))
    finally:
        machine.do("usermod -s /bin/sh scan; rm /home/scan/.bashrc")
    assert steps["shell"].state is State.OK
    assert "other output" in steps["shell"].message
