"""The doctor's steps for Windows, for every way an exchange can go, and through a real login."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from hardencheck.errors import TransportError
from hardencheck.model.capture import Ended, Exchange, Limits
from hardencheck.model.host import Host, Secret, WinRm
from hardencheck.model.outcome import Platform
from hardencheck.transport.bootstrap import BOOTSTRAP
from hardencheck.transport.diagnose import State, Step
from hardencheck.transport.diagnose_windows import SCRIPT, diagnose
from hardencheck.transport.winrm import WinRmTransport
from tests.powershell.syntax import errors
from tests.transport.conftest import PATIENT
from tests.transport.sshd import free_port
from tests.transport.test_diagnose import Fixed
from tests.winlab.lab import Lab
from tests.winlab.shells import CLIXML_PROGRESS, Request, Result
from tests.winlab.soap import access_denied

HOST = Host("desk1", "desk1.lab.example", 5986, Platform.WINDOWS, "winrm", user="LAB\\audit", winrm=WinRm())
NAMES = [
    *("dns", "port", "certificate", "authentication", "language_mode", "powershell", "bits", "privilege"),
    *("shells", "clock"),
]
GOOD = {
    "powershell": "5.1.17763.1",
    "bits": "64",
    "wow64": "",
    "account": "LAB\\audit",
    "admin": "True",
    "shells": "30",
    "clock": "1000",
}


def told(**changes: str) -> bytes:
    lines = [f"{name}={value}" for name, value in (GOOD | changes).items()]
    return "\r\n".join(["hardencheck-doctor", *lines, "hardencheck-end", ""]).encode()


def steps_of(answer: Exchange | TransportError, now: float = 1000.0, host: Host = HOST) -> dict[str, Step]:
    steps = diagnose(Fixed(answer), host, Limits(), lambda: now)
    assert [step.name for step in steps] == NAMES
    assert all(step.hint for step in steps if step.state is State.FAILED)
    assert all(step.message.isprintable() for step in steps)
    return {step.name: step for step in steps}


def states(stdout: bytes, now: float = 1000.0) -> dict[str, State]:
    return {name: step.state for name, step in steps_of(Exchange(stdout, b"", 0, Ended.CLOSED, 0.1), now).items()}


def test_all_is_well() -> None:
    assert set(states(told()).values()) == {State.OK}
    assert not any(step.hint for step in steps_of(Exchange(told(), b"", 0, Ended.CLOSED, 0.1)).values())


@pytest.mark.parametrize(
    ("changes", "step", "state"),
    [
        ({"powershell": "5.1"}, "powershell", State.OK),
        ({"powershell": "2.0"}, "powershell", State.FAILED),
        ({"powershell": "4.0.1"}, "powershell", State.FAILED),
        ({"powershell": ""}, "powershell", State.FAILED),
        ({"powershell": "x.y"}, "powershell", State.FAILED),
        ({"bits": "32", "wow64": "AMD64"}, "bits", State.FAILED),
        ({"bits": "32"}, "bits", State.OK),
        ({"admin": "False"}, "privilege", State.NOT_TRIED),
        ({"admin": ""}, "privilege", State.NOT_TRIED),
        ({"shells": ""}, "shells", State.OK),
        ({"clock": "1299"}, "clock", State.OK),
        ({"clock": "1400"}, "clock", State.FAILED),
        ({"clock": "0"}, "clock", State.FAILED),
        ({"clock": ""}, "clock", State.NOT_TRIED),
        ({"clock": "9" * 400}, "clock", State.NOT_TRIED),
        ({"clock": "²"}, "clock", State.NOT_TRIED),
        ({"powershell": "²"}, "powershell", State.FAILED),
        ({"powershell": "9" * 5000}, "powershell", State.FAILED),
    ],
)
def test_one_thing_is_odd(changes: dict[str, str], step: str, state: State) -> None:
    found = states(told(**changes))
    assert found[step] is state
    assert {value for name, value in found.items() if name != step} == {State.OK}


def test_who_is_no_administrator_is_told_what_to_do() -> None:
    found = steps_of(Exchange(told(admin="False"), b"", 0, Ended.CLOSED, 0.1))
    assert "stays unknown" in found["privilege"].message
    assert "--windows-setup" in found["privilege"].hint


@pytest.mark.parametrize("mode", ["ConstrainedLanguage", "NoLanguage"])
def test_a_language_mode_that_keeps_the_checks_from_looking(mode: str) -> None:
    """The answer is the one that the bootstrap writes; the script itself never runs."""
    assert '{"i":"language","ok":true,"v":"\' + $HcMode + \'"}' in BOOTSTRAP
    body = b'HC1  windows.platform 50\n{"i":"language","ok":true,"v":"%s"}\n' % mode.encode()
    found = states(body)
    assert found["authentication"] is State.OK
    assert found["language_mode"] is State.FAILED
    assert {found[name] for name in NAMES[5:]} == {State.NOT_TRIED}


#: the step -> the reasons of errors that belong to it
REASONS = {
    "dns": ("name_not_found", "host_settings"),
    "port": ("connection_refused", "not_winrm", "connect_timed_out"),
    "certificate": ("certificate_expired", "handshake_timed_out"),
    "authentication": (
        *("authentication_failed", "authentication_not_offered", "kerberos_no_spn"),
        *("no_credential", "kerberos_not_installed"),
    ),
    "privilege": ("access_denied",),
    "powershell": ("exec_refused", "start_timed_out"),
    "shells": ("quota",),
}
BEFORE_ANYTHING_IS_SENT = ("no_credential", "kerberos_not_installed")


@pytest.mark.parametrize(("failed", "reason"), [(step, reason) for step in REASONS for reason in REASONS[step]])
def test_error_fails_the_step_it_belongs_to(failed: str, reason: str) -> None:
    error = TransportError("m", reason=reason, hint="h")
    found = {name: step.state for name, step in steps_of(error).items()}
    position = NAMES.index(failed)
    assert found[failed] is State.FAILED
    earlier = State.NOT_TRIED if reason in BEFORE_ANYTHING_IS_SENT else State.OK
    assert {found[name] for name in NAMES[: min(4, position)]} <= {earlier}
    assert {found[name] for name in NAMES if NAMES.index(name) >= 4 and name != failed} <= {State.NOT_TRIED}
    assert {found[name] for name in NAMES[position + 1 :]} <= {State.NOT_TRIED}


@pytest.mark.parametrize("ended", list(Ended))
@pytest.mark.parametrize("stdout", [b"", b"hardencheck-doctor\n", b"hardencheck-end\n", b"\xff\x1b[2J", told()[:-20]])
def test_no_answer(ended: Ended, stdout: bytes) -> None:
    found = {name: step.state for name, step in steps_of(Exchange(stdout, b"\x1b[2J", None, ended, 0.1)).items()}
    assert found["powershell"] is State.FAILED
    assert {found[name] for name in NAMES[6:]} == {State.NOT_TRIED}


def test_plain_http_is_said_to_prove_less() -> None:
    plain = replace(HOST, winrm=WinRm(scheme="http"))
    found = steps_of(Exchange(told(), b"", 0, Ended.CLOSED, 0.1), host=plain)
    assert found["certificate"].state is State.OK
    assert "nothing proves" in found["certificate"].message


@pytest.mark.parametrize("tls", [False, True])
def test_a_real_login(lab: Lab, winrm: WinRmTransport, tls: bool) -> None:
    seen: list[bytes] = []

    def answer(request: Request) -> Result:
        seen.append(request.stdin)
        return Result(told(), CLIXML_PROGRESS)

    server = lab.serve(answer, tls=tls)
    steps = diagnose(winrm, lab.host(server), PATIENT, lambda: 1000.0)
    assert [(step.name, step.state) for step in steps] == [(name, State.OK) for name in NAMES]
    assert seen == [SCRIPT.encode("ascii")]


def test_what_real_listeners_refuse(lab: Lab, winrm: WinRmTransport) -> None:
    server, denying = lab.serve(tls=True), lab.serve(tls=True)
    denying.fail("Create", access_denied())
    good = lab.host(server)
    bad = {
        "port": replace(good, port=free_port()),
        "certificate": lab.host(server, ca=str(lab.another_authority().path)),
        "privilege": lab.host(denying),
        "authentication": replace(good, password=Secret("wrong")),
    }
    for failed, host in bad.items():
        steps = diagnose(winrm, host, PATIENT, lambda: 0.0)
        assert [step.name for step in steps if step.state is State.FAILED] == [failed]


def test_the_script_reads_only_and_is_plain() -> None:
    assert SCRIPT.isascii()
    assert errors(SCRIPT) == []
    assert len(base64.b64encode(SCRIPT.encode())) < 8000
    for word in ("Set-", "Remove-", "Start-", "Stop-", "Invoke-", "Out-File", "Add-Type", "&&", "||", "??"):
        assert word not in SCRIPT
