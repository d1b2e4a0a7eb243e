"""A stale password over a whole run: two attempts, then none, in this run and the next, until somebody resets it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command, Done
from tests.lab.lab import Host, Lab

SSHD = "/etc/ssh/sshd_config.d/00-passwords.conf"
RIGHT, WRONG = "the right horse", "the wrong horse"
NAMES = [f"desk-{number:02}" for number in range(12)]
SELECT = ("--rule", "linux-accounts-only-root-uid-zero")


@pytest.fixture
def desk(lab: Lab) -> Iterator[Host]:
    """A host that lets svc_hc in with a password."""
    host = lab.host("good")
    before = lab.run_in(host, "getent", "shadow", "svc_hc").stdout.split(":")[1]
    lab.run_in(host, "chpasswd", "-c", "YESCRYPT", stdin=f"svc_hc:{RIGHT}\n")
    lab.run_in(host, "sh", "-c", f"cat >{SSHD}; systemctl reload ssh",
               stdin="MaxStartups 100\nMatch User svc_hc\nPasswordAuthentication yes\n")  # fmt: skip
    try:
        yield host
    finally:
        lab.run_in(host, "sh", "-c", f"rm {SSHD}; systemctl reload ssh; faillock --user svc_hc --reset")
        lab.run_in(host, "chpasswd", "-e", stdin=f"svc_hc:{before}\n")


def inventory(path: Path, lab: Lab, host: Host, password: str) -> Path:
    """Write an inventory that knows one machine by many names, all with this password."""
    lines = [f"{name} ansible_host={host.address}" for name in NAMES]
    common = (
        f"[all:vars]\nansible_user=svc_hc\nansible_password='{password}'\nansible_become=true\n"
        f"ansible_ssh_common_args=-o UserKnownHostsFile={lab.known_hosts}\n"
    )
    path.write_text("\n".join([*lines, common]))
    return path


def reasons(done: Done) -> Counter[str]:
    assert done.out, done.err
    return Counter(host["reason"] or host["state"] for host in done.json["sweep"]["hosts"])


def test_stale_password_is_tried_twice_and_not_again_until_reset(
    lab: Lab, command: Command, tmp_path: Path, desk: Host
) -> None:
    def refusals() -> int:
        journal = lab.run_in(desk, "journalctl", "-q", "-u", "ssh", "--no-pager").stdout
        return journal.count("Failed password for svc_hc")

    def sweep(password: str, *options: str) -> Done:
        path = inventory(tmp_path / "hosts.ini", lab, desk, password)
        return command("sweep", "-i", path, *SELECT, *options, prefix=lab.exec_prefix)

    before = refusals()
    first = sweep(WRONG, "--format", "json")
    assert first.code == 2, first.err
    assert reasons(first) == {"authentication_failed": 2, "credential_suspended": 10}
    assert refusals() - before == 2
    turned_away = next(host for host in first.json["sweep"]["hosts"] if host["reason"] == "credential_suspended")
    assert turned_away["state"] == "unreachable"
    assert {result["outcome"] for result in turned_away["results"]} == {"notchecked"}
    assert all("credential suspended: ssh svc_hc" in result["message"] for result in turned_away["results"])

    again = sweep(RIGHT)
    assert again.code == 2
    assert "12 in scope: 0 reached, 12 unreachable" in again.out
    assert again.out.count("credential suspended: ssh svc_hc was refused by desk-") == 1, "said once for all hosts"
    assert "hardencheck credential reset 'ssh svc_hc'" in " ".join(again.out.split())
    doctor = command("doctor", "-i", tmp_path / "hosts.ini", prefix=lab.exec_prefix)
    assert "0 of 12 hosts are ready" in doctor.out
    assert refusals() - before == 2
    assert "Accepted password for svc_hc" not in lab.run_in(desk, "journalctl", "-q", "-u", "ssh").stdout

    assert "ssh svc_hc" in command("credential", "list").out
    assert command("credential", "reset", "ssh svc_hc").code == 0
    assert reasons(sweep(RIGHT, "--format", "json")) == {"reached": 12}
