"""One script on a host: what goes over, what comes back, what is left behind. All through real pywinrm."""

from __future__ import annotations

import math

import pytest

from hardencheck.errors import AuthenticationFailed, Unreachable
from hardencheck.model.capture import Ended, Limits
from hardencheck.transport.bootstrap import BOOTSTRAP
from hardencheck.transport.winrm import WinRmTransport
from tests.transport.conftest import PATIENT
from tests.winlab.lab import Lab
from tests.winlab.shells import CLIXML_PROGRESS, Request, Result
from tests.winlab.soap import Fault, access_denied, quota

ONCE = {"Create": 1, "Command": 1, "Send": 1, "Receive": 1, "Delete": 1}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("seal", [False, True])
def test_one_login_one_shell_one_command(lab: Lab, winrm: WinRmTransport, tls: bool, seal: bool) -> None:
    server = lab.serve(lambda request: Result(b"out " + request.stdin, b"err", 7), tls=tls)

    exchange = winrm.run(lab.host(server, seal=seal), b"script", PATIENT)

    assert (exchange.stdout, exchange.stderr, exchange.exit_status) == (b"out script", b"err", 7)
    assert exchange.ended is Ended.CLOSED
    assert server.actions == ONCE
    assert (server.connections, lab.domain.attempts, server.shells.open) == (1, 1, {})
    sealed = ["encrypted" in post.get("content-type", "") for post in server.posts]
    assert sealed[-5:] == [seal or not tls] * 5
    assert {post["host"] for post in server.posts} == {f"127.0.0.1:{server.port}"}


def test_the_script_is_on_standard_input_and_never_on_the_command_line(lab: Lab, winrm: WinRmTransport) -> None:
    seen: list[Request] = []
    server = lab.serve(lambda request: seen.append(request) or Result())  # type: ignore[func-returns-value]
    script = b"# marker\n" + b"x" * 300_000

    winrm.run(lab.host(server), script, PATIENT)

    (request,) = seen
    assert request.stdin == script
    assert request.script == BOOTSTRAP.strip()
    assert "marker" not in request.command
    assert "-NoProfile -NonInteractive" in request.command
    assert request.command.startswith("%SystemRoot%\\System32\\")
    assert len(request.command) < 8191
    assert request.codepage == 65001
    assert server.actions["Send"] == 4


@pytest.mark.parametrize("tls", [False, True])
def test_five_megabytes(lab: Lab, winrm: WinRmTransport, tls: bool) -> None:
    text = b"0123456789abcdef" * (5 * 1024 * 64)
    server = lab.serve(lambda request: Result(text), tls=tls)

    exchange = winrm.run(lab.host(server), b"x", Limits(120, 60, 8 * 1024 * 1024))

    assert exchange.ended is Ended.CLOSED
    assert exchange.stdout == text


def test_progress_is_dropped_and_errors_become_text(lab: Lab, winrm: WinRmTransport) -> None:
    error = b'#< CLIXML\r\n<Objs Version="1.1.0.1"><S S="Error">Zugriff &lt;verweigert&gt;_x000D__x000A_</S></Objs>'
    server = lab.serve(lambda request: Result(b"out", CLIXML_PROGRESS + error + b"native words\r\n"))

    exchange = winrm.run(lab.host(server), b"x", PATIENT)

    assert exchange.stderr == b"Zugriff <verweigert>\r\nnative words\r\n"
    assert exchange.exit_status == 0


def test_long_standard_error_is_cut(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve(lambda request: Result(b"out", CLIXML_PROGRESS * 100 + b"e" * 600_000))

    exchange = winrm.run(lab.host(server), b"x", PATIENT)

    assert exchange.stderr == b"e" * 16384
    assert exchange.stdout == b"out"


def test_slow_output_is_not_idle(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve(lambda request: Result(b"x" * 4000, rate=1500.0))

    exchange = winrm.run(lab.host(server), b"x", Limits(60, 2))

    assert exchange.ended is Ended.CLOSED
    assert len(exchange.stdout) == 4000


@pytest.mark.parametrize(
    ("limits", "ended"), [(Limits(3, 50), Ended.DEADLINE), (Limits(50, 2), Ended.IDLE)], ids=["deadline", "idle"]
)
def test_a_command_that_never_ends(lab: Lab, winrm: WinRmTransport, limits: Limits, ended: Ended) -> None:
    server = lab.serve(lambda request: Result(b"never", delay=math.inf))

    exchange = winrm.run(lab.host(server), b"x", limits)

    assert (exchange.ended, exchange.stdout, exchange.exit_status) == (ended, b"", None)
    assert exchange.duration <= limits.deadline + 1
    assert server.shells.open == {}


def test_a_flood_is_cut_and_its_shell_closed(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve(lambda request: Result(b"flood " * 50_000, endless=True))

    exchange = winrm.run(lab.host(server), b"x", Limits(60, 50, 1_000_000))

    assert (exchange.ended, len(exchange.stdout)) == (Ended.FLOOD, 1_000_000)
    assert server.shells.open == {}


@pytest.mark.parametrize("verb", ["Create", "Command", "Send", "Receive"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_lost_connection_repeats_everything_once(lab: Lab, winrm: WinRmTransport, verb: str, tls: bool) -> None:
    server = lab.serve(tls=tls)
    server.cut(verb)

    exchange = winrm.run(lab.host(server), b"script", PATIENT)

    assert (exchange.ended, exchange.stdout) == (Ended.CLOSED, b"script")
    assert (server.connections, lab.domain.attempts) == (2, 2)
    assert len(server.shells.open) == (1 if verb == "Create" else 0)  # nobody told us that shell's id


def test_a_connection_lost_twice_is_told_with_what_arrived(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve(lambda request: Result(b"x" * 300_000))
    answered: list[str] = []

    def cut_the_second_answer_of_each_run(verb: str, xml: bytes) -> bytes:
        answered.append(verb)
        if verb == "Receive":
            server.cut("Receive")
        return xml

    server.distort = cut_the_second_answer_of_each_run

    exchange = winrm.run(lab.host(server), b"script", PATIENT)

    assert (exchange.ended, exchange.exit_status) == (Ended.LOST, None)
    assert 0 < len(exchange.stdout) < 300_000
    assert (server.connections, lab.domain.attempts, answered.count("Receive")) == (2, 2, 2)


def test_the_shell_is_closed_after_an_error(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve()
    server.fail("Command", Fault(2150858770, "The command cannot be run."))

    with pytest.raises(Unreachable) as caught:
        winrm.run(lab.host(server), b"x", PATIENT)

    assert caught.value.reason == "exec_refused"
    assert "The command cannot be run" in caught.value.message
    assert server.shells.open == {}


def test_trouble_with_closing_the_shell_is_not_the_hosts_answer(lab: Lab, winrm: WinRmTransport) -> None:
    for server, harm in ((lab.serve(), "fail"), (lab.serve(), "cut")):
        server.fail("Delete", Fault(1, "no")) if harm == "fail" else server.cut("Delete")
        exchange = winrm.run(lab.host(server), b"script", PATIENT)
        assert (exchange.ended, exchange.stdout) == (Ended.CLOSED, b"script")


def test_no_rights_is_not_a_refused_password(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve()
    server.fail("Create", access_denied())

    with pytest.raises(AuthenticationFailed) as caught:
        winrm.run(lab.host(server), b"x", PATIENT)

    assert caught.value.reason == "access_denied"
    assert "Remote Management Users" in (caught.value.hint or "")
    assert winrm.run(lab.host(server), b"again", PATIENT).stdout == b"again"


def test_too_many_shells_are_waited_for_on_the_same_login(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve()
    server.fail("Create", quota(30), quota(30))
    server.fail("Command", Fault(2150859174, "too many operations", "w:QuotaLimit"))

    assert winrm.run(lab.host(server), b"script", PATIENT).stdout == b"script"

    assert (server.actions["Create"], server.connections, lab.domain.attempts) == (4, 1, 1)
    assert server.shells.open == {}


def test_too_many_shells_for_too_long(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve(max_shells=0)

    with pytest.raises(Unreachable) as caught:
        winrm.run(lab.host(server), b"x", Limits(3, 3))

    assert caught.value.reason == "quota"
    assert "MaxShellsPerUser" in (caught.value.hint or "")
    assert server.actions["Create"] > 1


def test_a_host_that_ends_the_command_before_it_was_asked_all(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve()
    server.fail("Send", Fault(2150858750, "The command has ended."))

    exchange = winrm.run(lab.host(server), b"x", Limits(3, 2))

    assert exchange.ended in (Ended.IDLE, Ended.DEADLINE)
    assert server.actions["Receive"] >= 1


def test_a_problem_of_the_inventory_sends_nothing(lab: Lab, winrm: WinRmTransport) -> None:
    server = lab.serve()

    with pytest.raises(Unreachable, match="no good") as caught:
        winrm.run(lab.host(server, problem="no good"), b"x", PATIENT)

    assert (caught.value.reason, server.connections) == ("host_settings", 0)
