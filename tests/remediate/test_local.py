"""This machine as a host: changed without SSH, by nothing but the job and with nothing of the user's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hardencheck.errors import RemediationError
from hardencheck.model.host import Host
from hardencheck.model.remediation import RunState
from hardencheck.remediate.runner import Job, Runner
from tests.remediate.acting import PLAY

HERE = Host("here", "here", connection="local")
TASKS = """\
    - name: Tell the environment
      ansible.builtin.shell: "env >{{ a_folder }}/environment; pwd >>{{ a_folder }}/environment"
      args: {creates: "{{ a_folder }}/environment"}
      tags: [rule-a]
"""


def book(folder: Path, tasks: str = TASKS) -> str:
    (folder / "t").mkdir(parents=True)
    (folder / "t" / "book.yml").write_text(PLAY + tasks)
    return "t/book.yml"


def job(playbook: str, **values: Any) -> Job:
    return Job(playbook, ("rule-a",), (HERE,), {"here": values})


def test_nothing_of_the_users_settings_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    playbook = book(tmp_path / "books")
    (tmp_path / "ansible.cfg").write_text("[defaults]\nno_such = {{\n[broken")
    monkeypatch.chdir(tmp_path)
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_LIBRARY", "HARDENCHECK_CANARY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "canary")
    with Runner(tmp_path / "pins", playbooks=tmp_path / "books") as runner:
        found = runner.run(job(playbook, a_folder=str(tmp_path)), check=False)
        assert found["here"].state is RunState.OK, found
        assert [change.task for change in found["here"].changes] == ["Tell the environment"]
    told = (tmp_path / "environment").read_text()
    assert "PATH=" in told
    assert "canary" not in told
    assert list(Path("/dev/shm").glob(f"hardencheck-{os.getpid()}-*")) == []


def test_a_playbook_that_cannot_start_runs_nowhere(tmp_path: Path) -> None:
    playbook = book(tmp_path, "    - name: No such thing\n      no.such.module: {}\n")
    with Runner(tmp_path / "pins", playbooks=tmp_path) as runner:
        found = runner.run(job(playbook), check=True)["here"]
    assert (found.state, found.changes) == (RunState.NOT_RUN, ())
    assert "no.such.module" in found.message


def test_a_playbook_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never")
    tasks = '    - name: Hang\n      ansible.builtin.command: "cat {{ a_folder }}/never"\n      tags: [rule-a]\n'
    playbook = book(tmp_path / "books", tasks)
    with Runner(tmp_path / "pins", playbooks=tmp_path / "books", timeout=5) as runner:
        found = runner.run(job(playbook, a_folder=str(tmp_path)), check=False)["here"]
        assert found.state in (RunState.FAILED, RunState.NOT_RUN)  # whether it had come to the task by then
        assert found.message == "the playbook was stopped after 5 s"
        still = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert f"{tmp_path}/never" not in still


@pytest.mark.parametrize(
    "name", ["ansible_host", "ansible_become_password", "hostvars", "vars", "A", "a-b", "hardencheck_touches"]
)
def test_a_value_is_never_a_setting(tmp_path: Path, name: str) -> None:
    playbook = book(tmp_path)
    with Runner(tmp_path / "pins", playbooks=tmp_path) as runner, pytest.raises(RemediationError, match="cannot be"):
        runner.run(job(playbook, **{name: "text"}), check=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"playbook": "../t/book.yml"},
        {"playbook": "t/none.yml"},
        {"rules": ()},
        {"rules": ("all,rule-a",)},
        {"rules": ("--skip",)},
        {"hosts": (HERE, HERE)},
    ],
)
def test_a_job_that_says_too_much_or_too_little_is_refused(tmp_path: Path, changed: Mapping[str, Any]) -> None:
    playbook = book(tmp_path / "books")
    book(tmp_path)
    asked = Job(**{"playbook": playbook, "rules": ("rule-a",), "hosts": (HERE,), "values": {}} | dict(changed))
    with Runner(tmp_path / "pins", playbooks=tmp_path / "books") as runner, pytest.raises(RemediationError):
        runner.run(asked, check=True)


def test_ansible_is_loaded_only_to_run_a_playbook() -> None:
    code = "import sys, hardencheck.remediate.runner; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ansible", "ansible_runner"} & set(loaded)
