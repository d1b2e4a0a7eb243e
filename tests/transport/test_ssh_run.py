"""One script on one real sshd: what comes back, and that every limit holds whatever the host does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from hardencheck.errors import TransportError, Unreachable
from hardencheck.model.capture import Ended, Limits
from hardencheck.model.host import Host
from hardencheck.transport.ssh import SshTransport
from tests.transport.conftest import PATIENT, Serve
from tests.transport.sshd import free_port

HostAt = Callable[..., Host]
SHORT = Limits(deadline=3, idle=30)


def test_script_runs_with_a_clean_environment(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    exchange = transport.run(host_at(serve()), b"env; echo oops >&2; exit 3\n", PATIENT)
    assert exchange.ended is Ended.CLOSED
    assert exchange.exit_status == 3
    assert exchange.stderr == b"oops\n"
    names = {line.split(b"=")[0] for line in exchange.stdout.splitlines()}
    assert names <= {b"PATH", b"LC_ALL", b"PWD", b"OLDPWD", b"SHLVL", b"_"}
    assert b"PATH=/usr/sbin:/usr/bin:/sbin:/bin\n" in exchange.stdout


def test_large_script_and_large_answer_arrive_whole(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    script = b"# " + b"x" * 1_000_000 + b"\nhead -c 3000000 /dev/zero | tr '\\000' a; head -c 100000 /dev/zero >&2\n"
    exchange = transport.run(host_at(serve()), script, PATIENT)
    assert exchange.ended is Ended.CLOSED
    assert exchange.stdout == b"a" * 3_000_000
    assert len(exchange.stderr) == 16 * 1024


def test_host_that_changes_its_session_keys_on_the_way(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    server = serve("RekeyLimit 100K")
    assert transport.run(host_at(server), b"head -c 2000000 /dev/zero\n", PATIENT).stdout == bytes(2_000_000)
    assert server.log.count("SSH2_MSG_NEWKEYS received") > 3


@pytest.mark.parametrize(
    "setting",
    [
        "KexAlgorithms ecdh-sha2-nistp256",
        "KexAlgorithms curve25519-sha256",
        "KexAlgorithms diffie-hellman-group-exchange-sha256",
        "Ciphers aes256-gcm@openssh.com",
        "Ciphers aes256-ctr\nMACs hmac-sha2-512",
        "Ciphers aes128-ctr\nMACs hmac-sha2-256-etm@openssh.com",
    ],
)
def test_hardened_servers_are_reached(serve: Serve, transport: SshTransport, host_at: HostAt, setting: str) -> None:
    assert transport.run(host_at(serve(setting)), b"echo in\n", PATIENT).stdout == b"in\n"


def test_many_threads_share_one_transport(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    host = host_at(serve("MaxStartups 100"))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: transport.run(host, f"echo {n}\n".encode(), PATIENT), range(32)))
    assert [int(answer.stdout) for answer in answers] == list(range(32))
    assert {answer.ended for answer in answers} == {Ended.CLOSED}


def test_one_connection_one_authentication_one_command(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    server = serve()
    transport.run(host_at(server), b"true\n", PATIENT)
    assert server.log.count("Connection from") == 1
    assert server.log.count("Accepted publickey") == 1
    assert server.log.count("Failed") == 0
    assert server.log.count("Starting session: command") == 1
    assert "SSH-2.0-hardencheck" in server.log or "remote software version hardencheck" in server.log


@pytest.mark.parametrize(
    ("command", "limits", "ended"),
    [
        ("cat /dev/zero", Limits(60, 50, 100_000), Ended.FLOOD),
        ("cat /dev/zero >&2", Limits(60, 50, 100_000), Ended.FLOOD),
        ("exec sleep 60", SHORT, Ended.DEADLINE),
        ("exec sleep 60", Limits(60, 1), Ended.IDLE),
        ("while :; do echo x; sleep 0.1; done", SHORT, Ended.DEADLINE),
        ("exec 0<&-; exec sleep 60", SHORT, Ended.DEADLINE),
        ("kill -9 $PPID", PATIENT, Ended.LOST),
        ("kill -9 $$", PATIENT, Ended.LOST),
    ],
)
def test_every_limit_ends_the_exchange(
    serve: Serve, transport: SshTransport, host_at: HostAt, command: str, limits: Limits, ended: Ended
) -> None:
    exchange = transport.run(host_at(serve(f"ForceCommand {command}")), b"x" * 500_000, limits)
    assert exchange.ended is ended
    assert exchange.exit_status is None
    assert len(exchange.stdout) <= limits.max_bytes
    assert len(exchange.stderr) <= 16 * 1024


def test_host_that_floods_and_never_reads_its_input_does_not_block_us(
    serve: Serve, transport: SshTransport, host_at: HostAt
) -> None:
    # more input than sshd's window and its pipe hold together
    exchange = transport.run(host_at(serve("ForceCommand cat /dev/zero")), b"x" * 8_000_000, Limits(60, 50, 1_000_000))
    assert exchange.ended is Ended.FLOOD
    exchange = transport.run(host_at(serve("ForceCommand sleep 60")), b"x" * 8_000_000, SHORT)
    assert exchange.ended is Ended.DEADLINE


def test_what_a_host_said_before_its_deadline_is_kept(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    exchange = transport.run(host_at(serve()), b"echo early; sleep 60\n", SHORT)
    assert (exchange.stdout, exchange.ended) == (b"early\n", Ended.DEADLINE)


def test_an_account_without_commands_is_told_apart(serve: Serve, transport: SshTransport, host_at: HostAt) -> None:
    with pytest.raises(Unreachable) as caught:
        transport.run(host_at(serve("MaxSessions 0")), b"true\n", PATIENT)
    assert caught.value.reason == "exec_refused"


def test_nobody_listens(transport: SshTransport) -> None:
    with pytest.raises(Unreachable) as caught:
        transport.run(Host("gone", "127.0.0.1", free_port()), b"true\n", PATIENT)
    assert caught.value.reason == "connection_refused"


@pytest.mark.parametrize("address", ["no-such-host.invalid", "under..dots", "a" * 300])
def test_no_such_name(transport: SshTransport, address: str) -> None:
    with pytest.raises(Unreachable) as caught:
        transport.run(Host("gone", address), b"true\n", PATIENT)
    assert caught.value.reason == "name_not_found"


def test_settings_that_forbid_connecting(transport: SshTransport) -> None:
    with pytest.raises(Unreachable, match="plain text") as caught:
        transport.run(Host("gone", "127.0.0.1", problem="plain text transport"), b"true\n", PATIENT)
    assert caught.value.reason == "host_settings"


def test_fifty_bad_hosts_leave_nothing_behind(serve: Serve, host_at: HostAt) -> None:
    server = serve("MaxStartups 200", "ForceCommand sleep 60")
    host, transport = host_at(server), SshTransport()
    before = len(os.listdir("/proc/self/fd")), threading.active_count()

    def ask(_: int) -> str:
        try:
            return transport.run(host, b"true\n", Limits(8, 8)).ended.value
        except TransportError as error:
            return error.reason

    with ThreadPoolExecutor(50) as pool:
        ended = set(pool.map(ask, range(50)))
    transport.close()
    assert ended <= {"deadline", "idle", "handshake_timed_out", "authentication_timed_out", "start_timed_out"}
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before
