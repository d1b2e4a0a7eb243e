"""Windows hosts: Ansible logs in only where the host has proved itself, and in the way that a sweep does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardencheck.model.host import Host, Secret
from hardencheck.model.remediation import HostRun, RunState
from hardencheck.remediate.runner import Job, Runner
from tests.winlab.lab import Lab, opened
from tests.winlab.shells import Request, Result

BOOK = """\
---
- name: Test
  hosts: all
  gather_facts: false
  tasks:
    - name: Run a command
      ansible.builtin.raw: whoami
      tags: [rule-a]
"""


@pytest.fixture
def windows(tmp_path: Path) -> Iterator[Lab]:
    (tmp_path / "lab").mkdir()
    with opened(tmp_path / "lab") as found:
        yield found


def answer(_: Request) -> Result:
    return Result(stdout=b"lab\\audit\r\n")


def run(tmp_path: Path, *hosts: Host) -> dict[str, HostRun]:
    (tmp_path / "book.yml").write_text(BOOK)
    with Runner(tmp_path / "pins", playbooks=tmp_path) as runner:
        return runner.run(Job("book.yml", ("rule-a",), hosts, {}), check=False)


def test_it_logs_in_where_a_sweep_does(windows: Lab, tmp_path: Path) -> None:
    plain, inside, sealed = windows.serve(answer), windows.serve(answer, tls=True), windows.serve(answer, tls=True)
    hosts = [
        windows.host(plain, name="plain"),
        windows.host(inside, name="inside"),
        windows.host(sealed, name="sealed", seal=True),
    ]
    found = run(tmp_path, *hosts)
    assert {name: (host.state, host.message) for name, host in found.items()} == dict.fromkeys(
        ("plain", "inside", "sealed"), (RunState.OK, "")
    )
    assert [change.task for host in found.values() for change in host.changes] == ["Run a command"] * 3


def test_who_is_not_proved_gets_no_credential_and_a_wrong_one_is_shown_to_two(windows: Lab, tmp_path: Path) -> None:
    stranger = windows.serve(answer, tls=True, pair=None)
    other = windows.serve(answer, pair=windows.another_authority().issue())
    hosts = [windows.host(other, name="stranger")]
    found = run(tmp_path, *hosts)
    assert found["stranger"].state is RunState.UNREACHABLE
    assert "certificate" in found["stranger"].message
    assert windows.domain.attempts == 0

    wrong = [windows.host(stranger, name=f"desk{number}", password=Secret("wrong")) for number in range(4)]
    found = run(tmp_path, *wrong)
    assert {host.state for host in found.values()} == {RunState.UNREACHABLE}
    assert windows.domain.attempts == 2
