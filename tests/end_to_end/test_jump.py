"""Hosts that only a jump host reaches: through it, with both host keys verified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command
from tests.lab.lab import Host, Lab

RULE = ("--rule", "linux-accounts-only-root-uid-zero")


@pytest.fixture
def jump(lab: Lab) -> Host:
    return lab.hosts("nopasswd", mode="lite")[0]


@pytest.fixture
def behind(lab: Lab, jump: Host) -> Iterator[list[Host]]:
    """Two hosts that drop whatever comes from the controller itself."""
    hosts = lab.hosts("noexpire", "uid0", mode="lite")
    try:
        for host in hosts:
            lab.run_in(host, "nft", "insert rule inet filter input ip saddr 10.77.0.1 drop")
        yield hosts
    finally:
        for host in hosts:
            lab.run_in(host, "nft", "-f", "/etc/nftables.conf")


@pytest.fixture
def inventory(lab: Lab, jump: Host, behind: list[Host], tmp_path: Path) -> Path:
    """Return an inventory where both are reached through the jump host."""
    text = lab.inventory_of(*behind).read_text()
    path = tmp_path / "behind.ini"
    path.write_text(text.replace("StrictHostKeyChecking=yes", f"ProxyJump=svc_hc@{jump.address}"))
    return path


def test_through_a_jump_host_and_no_other_way(lab: Lab, command: Command, behind: list[Host], inventory: Path) -> None:
    direct = command(
        "sweep", "-i", lab.inventory_of(*behind), *RULE, "--deadline", 3, "--format", "json", prefix=lab.exec_prefix
    )
    assert direct.json["summary"]["coverage"]["unreachable"] == 2, "the jump host is the only way"

    done = command("sweep", "-i", inventory, *RULE, "--format", "json", prefix=lab.exec_prefix)
    assert done.json["summary"]["coverage"]["reached"] == 2, done.out
    noexpire, uid0 = (done.outcomes(host.name)[RULE[1]] for host in behind)
    assert (noexpire, uid0) == ("pass", "fail"), "each host answers for itself"

    asked = command("doctor", "-i", inventory, *RULE, prefix=lab.exec_prefix)
    assert asked.code == 0, asked.out


def test_the_jump_host_itself_is_verified(
    lab: Lab, command: Command, jump: Host, behind: list[Host], inventory: Path
) -> None:
    with lab.changed_host_key(jump):
        done = command("sweep", "-i", inventory, *RULE, "--format", "json", prefix=lab.exec_prefix)
        asked = command("doctor", "-i", inventory, "-l", behind[0].name, *RULE, prefix=lab.exec_prefix)
    assert done.code == 2
    for host in behind:
        found = done.host(host.name)
        assert (found["state"], found["reason"]) == ("unreachable", "host_key_changed")
        assert f"jump host {jump.address}: the host key of {jump.address}" in found["message"]
    assert asked.code == 2
    assert f"host key        failed     jump host {jump.address}" in asked.out


def test_a_host_behind_it_is_verified_through_it(
    lab: Lab, command: Command, behind: list[Host], inventory: Path
) -> None:
    swapped, honest = behind
    with lab.changed_host_key(swapped):
        done = command("sweep", "-i", inventory, *RULE, "--format", "json", prefix=lab.exec_prefix)
    assert done.host(swapped.name)["reason"] == "host_key_changed"
    assert done.host(swapped.name)["message"].startswith(f"the host key of {swapped.address} is not the pinned one")
    assert done.host(honest.name)["state"] == "reached"
