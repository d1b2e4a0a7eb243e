"""sudo for real: who the script runs as, and how many tries a password costs."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from hardencheck.errors import AuthenticationFailed
from hardencheck.model.host import Become, Host, Secret
from hardencheck.transport.become import Verdict, compose, heard, verdict
from tests.transport.machine import Machine

RIGHT = Secret(Machine.PASSWORD)
WRONG = Secret("wrong horse")
SCRIPT = b"echo uid=$(id -u)\n" + b"# filler\n" * 20_000 + b"echo end\n"


def run(machine: Machine, become: Become | None, script: bytes = SCRIPT, shell: str = "/bin/sh") -> tuple[bytes, str]:
    command, prefix = compose(Host("target", "127.0.0.1", user="scan", become=become))
    done = machine.login(command, prefix + script, shell)
    return done.stdout, done.stderr.decode()


ROOT, SCAN = b"uid=0\nend\n", b"uid=1000\nend\n"


@pytest.mark.parametrize(
    ("sudoers", "become", "answer", "said", "failed"),
    [
        ("scan ALL=(ALL) NOPASSWD: ALL", None, SCAN, "", 0),
        ("scan ALL=(ALL) NOPASSWD: ALL", Become(), ROOT, "", 0),
        ("scan ALL=(ALL) NOPASSWD: ALL", Become("other"), b"uid=1001\nend\n", "", 0),
        ("scan ALL=(ALL) NOPASSWD: ALL", Become(password=RIGHT), ROOT, "", 0),
        ("scan ALL=(ALL) NOPASSWD: ALL", Become(password=WRONG), ROOT, "", 0),
        ("scan ALL=(ALL) ALL", Become(password=RIGHT), ROOT, "", 0),
        ("scan ALL=(ALL) ALL", Become("other", RIGHT), b"uid=1001\nend\n", "", 0),
        ("scan ALL=(ALL) ALL\nDefaults timestamp_timeout=0", Become(password=RIGHT), ROOT, "", 0),
        ("scan ALL=(ALL) ALL\nDefaults !use_pty", Become(password=RIGHT), ROOT, "", 0),
        ("scan ALL=(ALL) ALL\nDefaults passwd_tries=10", Become(password=WRONG), SCAN, "refused the password", 1),
        # a password that is not asked for `true` is not proved by it
        (
            "scan ALL=(ALL) ALL\nscan ALL=(ALL) NOPASSWD: /usr/bin/true",
            Become(password=WRONG),
            SCAN,
            "refused the password",
            1,
        ),
        ("scan ALL=(ALL) ALL\nscan ALL=(ALL) NOPASSWD: /usr/bin/true", Become(password=RIGHT), ROOT, "", 0),
        ("scan ALL=(ALL) ALL", Become(), SCAN, "a password is required", 0),
        ("scan ALL=(ALL) ALL\nDefaults requiretty", Become(), SCAN, "must have a tty", 0),
        ("scan ALL=(ALL) ALL\nDefaults requiretty", Become(password=RIGHT), SCAN, "must have a tty", 0),
        ("", Become(), SCAN, "a password is required", 0),
        ("", Become(password=RIGHT), SCAN, "not in the sudoers", 0),
        ("scan ALL=(ALL) NOPASSWD: /usr/bin/true", Become(), SCAN, "a password is required", 0),
        ("scan ALL=(ALL) NOPASSWD: ALL", Become("nobody-here"), SCAN, "unknown user", 0),
    ],
)
def test_who_the_script_runs_as(
    machine: Machine, sudoers: str, become: Become | None, answer: bytes, said: str, failed: int
) -> None:
    machine.sudoers(f"{sudoers}\n")
    stdout, stderr = run(machine, become)
    assert stdout == answer, stderr
    assert said in stderr
    assert machine.failures() == failed


@pytest.mark.parametrize(
    ("sudoers", "password", "expected"),
    [
        ("scan ALL=(ALL) ALL", RIGHT, Verdict.TAKEN),
        ("scan ALL=(ALL) ALL", WRONG, Verdict.REFUSED),
        ("scan ALL=(ALL) NOPASSWD: ALL", WRONG, Verdict.UNASKED),
        ("scan ALL=(ALL) NOPASSWD: ALL\nDefaults !use_pty", RIGHT, Verdict.UNASKED),
        ("scan ALL=(ALL) ALL\nDefaults requiretty", WRONG, None),
        ("", RIGHT, None),
    ],
)
def test_what_became_of_the_password(
    machine: Machine, sudoers: str, password: Secret, expected: Verdict | None
) -> None:
    machine.sudoers(f"{sudoers}\n")
    stderr = run(machine, Become(password=password))[1].encode()
    assert verdict(stderr) is expected
    own = expected in (Verdict.TAKEN, Verdict.UNASKED)
    assert heard(stderr) == (b"" if own else stderr)


@pytest.mark.parametrize(
    "password", ["it's", 'a "b" c', "back\\slash", "$HOME `id` !1 %s %n", "-n", " lead and trail ", "ünï"]
)
def test_any_password_arrives_as_it_is(machine: Machine, password: str) -> None:
    machine.sudoers("scan ALL=(ALL) ALL\n")
    machine.do("chpasswd", f"scan:{password}\n".encode())
    try:
        assert run(machine, Become(password=Secret(password)))[0] == ROOT
        assert machine.failures() == 0
    finally:
        machine.do("chpasswd", f"scan:{Machine.PASSWORD}\n".encode())


@pytest.mark.parametrize("become", [Become(), Become(password=RIGHT)])
def test_without_sudo_the_script_runs_unprivileged(machine: Machine, become: Become) -> None:
    machine.do("mv /usr/bin/sudo /usr/bin/sudo.away")
    try:
        stdout, stderr = run(machine, become)
    finally:
        machine.do("mv /usr/bin/sudo.away /usr/bin/sudo")
    assert stdout == SCAN
    assert "sudo: not found" in stderr or "'sudo': No such file" in stderr


def test_without_timeout_a_wrong_password_still_ends(machine: Machine) -> None:
    machine.sudoers("scan ALL=(ALL) ALL\n")
    machine.do("mv /usr/bin/timeout /usr/bin/timeout.away")
    try:
        right, wrong = run(machine, Become(password=RIGHT)), run(machine, Become(password=WRONG))
    finally:
        machine.do("mv /usr/bin/timeout.away /usr/bin/timeout")
    assert right[0] == ROOT
    assert wrong[0] == SCAN
    assert "incorrect password" in wrong[1]
    assert machine.failures() <= 2, "at most the one empty try besides"


@pytest.mark.parametrize("become", [Become(), Become(password=RIGHT)])
@pytest.mark.parametrize("victim", ["$$", "$PPID", "$(ps -o ppid= -p $PPID)"])
def test_script_that_broke_down_is_not_run_again_with_other_rights(
    machine: Machine, become: Become, victim: str
) -> None:
    machine.sudoers(f"scan ALL=(ALL) {'' if become.password else 'NOPASSWD: '}ALL\n")
    # longer than what a shell reads ahead, so that something is left for another shell to run
    script = b"echo uid=$(id -u)\nkill -9 " + victim.encode() + b"\n" + b"# filler\n" * 20_000 + b"echo uid=$(id -u)\n"
    stdout, _ = run(machine, become, script)
    assert stdout.startswith(b"uid=0\n")
    assert b"uid=1000" not in stdout


def test_exit_status_is_the_scripts(machine: Machine) -> None:
    machine.sudoers("scan ALL=(ALL) NOPASSWD: ALL\n")
    for become in (None, Become(), Become(password=RIGHT)):
        command, prefix = compose(Host("target", "127.0.0.1", user="scan", become=become))
        assert machine.login(command, prefix + b"exit 7\n").returncode == 7


def test_password_is_in_no_argument_list_and_no_environment(machine: Machine) -> None:
    machine.sudoers("scan ALL=(ALL) ALL\n")
    look = b"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\000' ' '\n"
    stdout, stderr = run(machine, Become(password=RIGHT), look)
    assert b"hardencheck-begin" in stdout
    assert Machine.PASSWORD.encode() not in stdout
    assert Machine.PASSWORD not in stderr


SHELLS = ["sh", "bash", "dash", "busybox", "tcsh", "fish"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("become", [None, Become(), Become(password=RIGHT)])
def test_any_login_shell(machine: Machine, shell: str, become: Become | None) -> None:
    machine.sudoers(f"scan ALL=(ALL) {'' if become and become.password else 'NOPASSWD: '}ALL\n")
    path = machine.shell(shell)
    if not path:
        pytest.skip(f"there is no {shell}, neither in the lab's root nor here")
    assert run(machine, become, shell=path)[0] == (SCAN if become is None else ROOT)


@pytest.mark.parametrize("become", [None, Become(), Become("a.b-c_1", Secret("x"))])
def test_command_is_one_word_list_for_any_shell(become: Become | None) -> None:
    command, _ = compose(Host("target", "127.0.0.1", user="scan", become=become))
    assert "\n" not in command
    assert "!" not in command
    assert "\\\\" not in command, "fish takes a doubled backslash apart, also in single quotes"
    assert command.count("'") in (0, 2)
    inner = shlex.split(command)[-1] if become is not None else command
    for shell in filter(shutil.which, ("sh", "bash", "dash")):
        subprocess.run([shell, "-n", "-c", inner], check=True, timeout=60)


def test_root_needs_no_sudo() -> None:
    as_root = compose(Host("target", "127.0.0.1", user="root", become=Become(password=RIGHT)))
    assert as_root == compose(Host("target", "127.0.0.1", user="root"))
    assert "sudo" in compose(Host("target", "127.0.0.1", user="root", become=Become("other")))[0]


@pytest.mark.parametrize("user", ["", "a b", "$(id)", "root;id", "-u", "#0", "%wheel", "a'b", "a\n", "x" * 33])
def test_user_that_is_no_name(user: str) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        compose(Host("target", "127.0.0.1", become=Become(user)))
    assert caught.value.reason == "become_user_invalid"


@pytest.mark.parametrize("password", ["", "a\nb", "a\r", "a\0"])
def test_password_that_cannot_be_typed(password: str) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        compose(Host("target", "127.0.0.1", become=Become(password=Secret(password))))
    assert caught.value.reason == "become_password_invalid"
    assert "a\nb" not in str(caught.value)
