"""Runs real ansible-playbook from the lab's controller, host keys checked, and tells what it changed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hardencheck.baselines.playbooks import read_playbook
from hardencheck.resources import shipped
from tests.lab.lab import Host, Lab

ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
_RECAP = re.compile(r"^\S+ +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


@cache
def playbooks() -> tuple[str, ...]:
    """Return the names of all shipped playbooks (tasks/ holds parts of some)."""
    folder = shipped("playbooks")
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/*.yml")))
    return tuple(name for name in names if not name.startswith("tasks/"))


@cache
def rules_of(playbook: str) -> frozenset[str]:
    """Return the ids of the rules that a playbook serves: the tags of its tasks."""
    return read_playbook(playbook).rules


@dataclass(frozen=True)
class Run:
    """One run over one host: exit code, what was written, and how many tasks changed something, or failed."""

    code: int
    out: str
    err: str

    @property
    def changed(self) -> int:
        """How many tasks say that they changed something."""
        return self._count(2)

    @property
    def failed(self) -> int:
        """How many tasks failed, or did not reach the host."""
        return self._count(3) + self._count(4)

    def _count(self, group: int) -> int:
        recap = _RECAP.findall(self.out)
        assert recap, self.out + self.err
        return int(recap[-1][group - 1])  # each playbook's counts those before it, too


def ansible_playbook(lab: Lab, host: Host, names: Sequence[str | Path], *options: str | Path) -> Run:
    """Run playbooks over one host, one after the other: shipped ones by their names, or files."""
    settings = {
        "ANSIBLE_HOST_KEY_CHECKING": "true", "ANSIBLE_PIPELINING": "true", "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(lab.run / "ansible"), "ANSIBLE_CONFIG": str(lab.run / "ansible.cfg"),
        # the hosts of another lab have the same addresses
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(lab.run / "ansible" / "cp"),
    }  # fmt: skip
    (lab.run / "ansible.cfg").touch()  # not one of this machine's
    words = [ANSIBLE_PLAYBOOK, "-i", lab.inventory_of(host), *options, *(shipped("playbooks") / name for name in names)]
    done = subprocess.run(
        [*lab.exec_prefix, *map(str, words)], capture_output=True, text=True, env={**os.environ, **settings},
        timeout=900, check=False,
    )  # fmt: skip
    return Run(done.returncode, done.stdout, done.stderr)
