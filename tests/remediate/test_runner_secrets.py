"""What we log in with is in memory and in pipes alone: while a playbook runs, after kill -9, and after the sweep."""

from __future__ import annotations

import os
import secrets
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hardencheck.remediate.private import MARK, sweep_orphans
from tests.end_to_end.test_secrets import Watch
from tests.lab.lab import Host, Lab
from tests.remediate.acting import ROOT, Stage

SSHD = "/etc/ssh/sshd_config.d/00-passwords.conf"
#: stops in the middle, until the test lets it go on
WAIT = """\
    - name: Wait
      ansible.builtin.shell: "echo >/run/up; cat /run/go"
      when: a_value == 'text'
      tags: [rule-a]
    - name: Go on
      ansible.builtin.file: {path: /run/after, state: touch, mode: "0600"}
      tags: [rule-a]
"""
SHM = Path("/dev/shm")


@dataclass(frozen=True)
class Case:
    """Two hosts of which one takes a password, another for sudo, one that is not there, and what must stay secret."""

    server: Host
    told: list[dict[str, Any]]
    values: dict[str, dict[str, str]]
    secret: tuple[str, ...]
    began: float


@pytest.fixture
def case(lab: Lab, stage: Stage) -> Iterator[Case]:
    server, other = lab.hosts("sudopw", "good", mode="lite")
    began = time.time()
    login, sudo, windows, value = (f"Aa1 {secrets.token_hex(8)}'\"$(x)" for _ in range(4))
    before = lab.run_in(server, "getent", "shadow", "svc_hc").stdout.split(":")[1]
    lab.run_in(server, "chpasswd", "-c", "YESCRYPT", stdin=f"svc_hc:{login}\n")
    reload = 'kill -HUP "$(cat /run/sshd.pid)"'
    lab.run_in(server, "sh", "-c", f"mkfifo /run/up /run/go; cat >{SSHD}; {reload}",
               stdin="Match User svc_hc\nPasswordAuthentication yes\n")  # fmt: skip
    told = [
        stage.host(server, key_file=None, password=login, become=login),
        stage.host(other, become=sudo),
        {"name": "desk", "address": "10.77.1.250", "port": 5986, "connection": "winrm", "user": "LAB\\audit",
         "password": windows},
    ]  # fmt: skip
    values = {server.name: {"a_value": "text"}, other.name: {"a_value": value}, "desk": {"a_value": "text"}}
    tokens = tuple(text.split()[1].split("'")[0] for text in (login, sudo, windows, value))
    try:
        yield Case(server, told, values, tokens, began)
    finally:
        lab.run_in(server, "sh", "-c", f"rm -f /run/up /run/go /run/after {SSHD}; {reload}")
        lab.run_in(server, "chpasswd", "-e", stdin=f"svc_hc:{before}\n")


@contextmanager
def running(stage: Stage, case: Case, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a run that has come to its task on the host, in a process group of its own."""
    asked = stage.asked(stage.book(WAIT), case.told, values=case.values, **more)
    with subprocess.Popen(
        stage.words(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(asked)
        process.stdin.close()
        process.stdin = None
        try:
            stage.lab.run_in(case.server, "timeout", "60", "cat", "/run/up")
            yield process
        finally:
            process.kill()
            process.wait()
            sweep_orphans()


def left(case: Case, folders: list[Path]) -> list[str]:
    """Return the files, written since the case began, that hold any of the secrets."""
    found = []
    fresh = [path for folder in folders for path in folder.iterdir() if path.lstat().st_ctime >= case.began]
    for path in (path for top in fresh for path in ([*top.rglob("*")] if top.is_dir() else [top])):
        with suppress(FileNotFoundError):
            about = path.lstat()
            if stat.S_ISREG(about.st_mode) and about.st_mtime >= case.began and about.st_size < 2**24:
                content = path.read_bytes()
                found += [str(path) for token in case.secret if token.encode() in content]
    return found


def helpers(folder: Path) -> list[str]:
    """Return the command lines of the processes that were started for a run."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and f"{MARK}={folder}/".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return [line for line in found if line]


def folders_of(process: subprocess.Popen[str]) -> list[Path]:
    return list(SHM.glob(f"hardencheck-{process.pid}-*"))


def test_no_secret_is_seen_and_none_is_left_by_kill(case: Case, stage: Stage, tmp_path: Path) -> None:
    watch = Watch(case.secret)
    with watch.on(), running(stage, case) as process:
        (folder,) = folders_of(process)
        assert any("ansible-playbook" in line for line in helpers(folder))
        assert left(case, [SHM, tmp_path, Path("/tmp"), case.server.upper, case.server.root / "run"]) == []
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        assert left(case, [SHM, tmp_path, Path("/tmp")]) == []
        assert folder.is_dir(), "nobody had the time to remove it"
        sweep_orphans()
    assert watch.leaks == set()
    assert not folder.exists()
    assert helpers(folder) == []


def test_a_run_whose_controller_was_killed_stops_by_itself(case: Case, stage: Stage) -> None:
    with running(stage, case) as process:
        (folder,) = folders_of(process)
        process.kill()
        process.wait(30)
        give_up = time.monotonic() + 60
        while helpers(folder):
            assert time.monotonic() < give_up, helpers(folder)
            time.sleep(0.1)
    assert case.server.root.joinpath("run/after").exists() is False


@pytest.mark.parametrize("how", ["interrupt", "end"])
def test_nothing_is_left_of_a_run_that_ends(case: Case, stage: Stage, how: str) -> None:
    with running(stage, case) as process:
        (folder,) = folders_of(process)
        if how == "interrupt":
            process.send_signal(signal.SIGINT)
        elif how == "end":
            stage.lab.run_in(case.server, "sh", "-c", "echo >/run/go")
        out, err = process.communicate(timeout=60)
    assert not folder.exists()
    assert helpers(folder) == []
    assert not [token for token in case.secret if token in out + err]
    if how == "interrupt":
        assert "KeyboardInterrupt" in err
    else:
        assert '"state": "ok"' in out
        assert '"state": "unreachable"' in out
