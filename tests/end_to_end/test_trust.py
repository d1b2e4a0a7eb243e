"""Strict identity: nothing is sent to a host whose key nobody vouched for, and `trust` is how somebody does."""

from __future__ import annotations

import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command, Done
from tests.end_to_end.running import Seen, on_terminal, words
from tests.lab.lab import Host, Lab

#: what sshd writes about a connection that left before it named a user, and about one that was let in
WITHOUT_LOGIN = "Connection closed by 10.77.0.1 "
LOGIN = "Accepted publickey for svc_hc "
SSHD = "/etc/ssh/sshd_config.d/00-certificate.conf"


@pytest.fixture
def host(lab: Lab) -> Host:
    return lab.host("good")


@pytest.fixture
def inventory(lab: Lab, host: Host, tmp_path: Path) -> Path:
    """Return an inventory that names no known_hosts file: the user's own and that of `trust` count."""
    path = tmp_path / "desk.ini"
    path.write_text(
        f"good ansible_host={host.address} ansible_user=svc_hc ansible_become=true "
        f"ansible_ssh_private_key_file={lab.key}\n"
    )
    return path


@pytest.fixture
def sweep(lab: Lab, inventory: Path, command: Command) -> Callable[[], Done]:
    """Return a function that sweeps the host for one rule."""
    rule = "linux-accounts-only-root-uid-zero"
    return lambda: command("sweep", "-i", inventory, "--rule", rule, "--format", "json", prefix=lab.exec_prefix)


@pytest.fixture
def trust(lab: Lab, inventory: Path, environment: dict[str, str]) -> Callable[..., Seen]:
    """Return a function that runs `trust` on a terminal where somebody answers its question."""

    def run(answer: str, *options: object) -> Seen:
        line = words("trust", "-i", inventory, *options, prefix=lab.exec_prefix)
        return on_terminal(line, environment, answers=[("trust it? [y/N]", answer)])

    return run


@pytest.fixture
def sshd_said(lab: Lab, host: Host) -> Callable[[str], str]:
    """Return a function that returns what sshd wrote to the host's journal since the test began, and its last words.

    sshd writes when it gets round to it, so it is waited for.
    """

    def everything() -> str:
        return lab.run_in(host, "journalctl", "-q", "-o", "cat", "-t", "sshd").stdout

    before = len(everything())

    def said(until: str) -> str:
        give_up = time.monotonic() + 30
        while until not in (text := everything()[before:]):
            assert time.monotonic() < give_up, text
            time.sleep(0.05)
        return text

    return said


@pytest.fixture
def authority(lab: Lab, host: Host, tmp_path: Path) -> Iterator[Path]:
    """A certificate authority that has signed the host's key; returns its public key."""
    keygen = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "ca"))
    subprocess.run(keygen, check=True, timeout=30)
    public = tmp_path / "host.pub"
    public.write_text(lab.run_in(host, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").stdout)
    sign = ("ssh-keygen", "-q", "-s", str(tmp_path / "ca"), "-h", "-I", "desk", "-n", host.address, "-V", "-1h:+1h")
    subprocess.run([*sign, str(public)], check=True, timeout=30)
    certificate = (tmp_path / "host-cert.pub").read_text()
    lab.run_in(host, "sh", "-c", "cat >/etc/ssh/desk-cert.pub", stdin=certificate)
    lab.run_in(host, "sh", "-c", f"echo HostCertificate /etc/ssh/desk-cert.pub >{SSHD}; systemctl reload ssh")
    try:
        yield tmp_path / "ca.pub"
    finally:
        lab.run_in(host, "sh", "-c", f"rm {SSHD} /etc/ssh/desk-cert.pub; systemctl reload ssh")


def fingerprint(lab: Lab, host: Host) -> str:
    """Return what an administrator compares with, at the host."""
    return lab.run_in(host, "ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]


def reason(done: Done) -> str:
    """Return why the host was not reached, empty when it was."""
    return str(done.host("good")["reason"])


def test_an_unknown_host_is_refused_before_any_login(
    lab: Lab, host: Host, sweep: Callable[[], Done], sshd_said: Callable[[str], str]
) -> None:
    done = sweep()
    assert done.code == 2, done.err
    assert reason(done) == "host_key_unknown"
    message = done.host("good")["message"]
    assert fingerprint(lab, host) in message
    assert "hardencheck trust" in message
    assert "svc_hc" not in sshd_said(WITHOUT_LOGIN), "sshd was told no user name, so nobody tried to log in"


def test_trust_on_a_terminal(
    lab: Lab, host: Host, tmp_path: Path, trust: Callable[..., Seen], sweep: Callable[[], Done],
    sshd_said: Callable[[str], str],
) -> None:  # fmt: skip
    pins = tmp_path / "store" / "known_hosts"
    for answer in ("n", ""):
        no = trust(answer)
        assert no.code == 2
        assert fingerprint(lab, host) in no.screen
        assert "good: not trusted" in no.screen
        assert not pins.exists()
    assert "svc_hc" not in sshd_said(WITHOUT_LOGIN)

    yes = trust("y")
    assert yes.code == 0
    assert f"good: pinned {fingerprint(lab, host)}" in yes.screen
    assert stat.S_IMODE(pins.stat().st_mode) == 0o600
    assert reason(sweep()) == ""
    assert sshd_said(LOGIN).count(LOGIN) == 1


def test_trust_from_a_file(
    lab: Lab, inventory: Path, tmp_path: Path, command: Command, sweep: Callable[[], Done]
) -> None:
    strangers = tmp_path / "strangers"
    strangers.write_text("")
    none = command("trust", "-i", inventory, "--from-file", strangers)
    assert none.code == 2
    assert f"good: {strangers} has no key for 10.77." in none.out
    first = command("trust", "-i", inventory, "--from-file", lab.known_hosts)
    assert (first.code, first.out.split()[:2]) == (0, ["good:", "pinned"])
    second = command("trust", "-i", inventory, "--from-file", lab.known_hosts)
    assert (second.code, second.out) == (0, "good: was pinned already\n")
    assert reason(sweep()) == ""


def test_a_changed_key_is_refused_and_only_replaced_on_demand(
    lab: Lab, host: Host, inventory: Path, tmp_path: Path, command: Command, trust: Callable[..., Seen],
    sweep: Callable[[], Done], sshd_said: Callable[[str], str],
) -> None:  # fmt: skip
    pins = tmp_path / "store" / "known_hosts"
    command("trust", "-i", inventory, "--from-file", lab.known_hosts)
    before, pinned = fingerprint(lab, host), pins.read_bytes()
    with lab.changed_host_key(host):
        done = sweep()
        assert done.code == 2
        assert reason(done) == "host_key_changed"
        message = done.host("good")["message"]
        for part in (before, fingerprint(lab, host), f"{pins}:1", "--replace"):
            assert part in message
        assert "svc_hc" not in sshd_said(WITHOUT_LOGIN)

        kept = trust("y")
        assert kept.code == 2
        assert "another ssh-ed25519 key" in kept.screen.replace("\r\n", " ")
        assert pins.read_bytes() == pinned

        replaced = trust("y", "--replace")
        assert replaced.code == 0, replaced.screen
        assert fingerprint(lab, host) in pins_of(pins)
        assert before not in pins_of(pins)
        assert reason(sweep()) == ""
    assert reason(sweep()) == "host_key_changed"


def pins_of(path: Path) -> str:
    listing = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True, timeout=30)
    return listing.stdout


def test_known_hosts_with_a_certificate_authority(
    host: Host, tmp_path: Path, authority: Path, sweep: Callable[[], Done]
) -> None:
    known = tmp_path / ".ssh" / "known_hosts"
    known.parent.mkdir()
    assert reason(sweep()) == "host_key_unknown"
    known.write_text(f"@cert-authority 10.77.* {authority.read_text()}")
    assert reason(sweep()) == ""
    known.write_text(f"@cert-authority 10.99.* {authority.read_text()}")
    assert reason(sweep()) == "host_key_unknown"
    known.write_text(f"@cert-authority * {authority.read_text()}@revoked * {authority.read_text()}")
    assert reason(sweep()) == "host_key_revoked"


def test_hashed_known_hosts(lab: Lab, host: Host, tmp_path: Path, sweep: Callable[[], Done]) -> None:
    known = tmp_path / ".ssh" / "known_hosts"
    known.parent.mkdir()
    known.write_bytes(lab.known_hosts.read_bytes())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True, timeout=30)
    assert host.address not in known.read_text()
    assert reason(sweep()) == ""
