"""Small playbooks that change something, and a way to run them against the lab's hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.lab import Host, Lab

ROOT = Path(__file__).parents[2]
PLAY = "---\n- name: Test\n  hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n"
WRITE = """\
    - name: Write the file
      ansible.builtin.copy:
        content: "{{ a_value }}\\n"
        dest: /etc/hardencheck-test
        mode: "0600"
      tags: [rule-a, rule-b]
"""


@dataclass(frozen=True)
class Stage:
    """Where playbooks lie and hosts are reached from."""

    lab: Lab
    folder: Path
    pins: Path

    def book(self, tasks: str, name: str = "t/book.yml") -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PLAY + tasks)
        return name

    def host(self, host: Host, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"name": host.name, "address": host.address, "user": "svc_hc", "become": ""}
        found |= {"key_file": str(self.lab.key), "known_hosts": [str(self.lab.known_hosts)]}
        return found | more

    def words(self) -> list[str]:
        return [*self.lab.exec_prefix, sys.executable, "-m", "tests.remediate.child"]

    def asked(
        self, playbook: str, hosts: Iterable[Mapping[str, Any]], rules: Iterable[str] = ("rule-a",), **more: Any
    ) -> str:
        told = list(hosts)
        whole: dict[str, Any] = {"hosts": told, "playbook": playbook, "rules": list(rules), "check": [False]}
        whole |= {"values": {host["name"]: {"a_value": "text"} for host in told}}
        return json.dumps(whole | {"pins": str(self.pins), "playbooks": str(self.folder)} | more)

    def runs(self, *arguments: Any, **more: Any) -> list[dict[str, dict[str, Any]]]:
        """Run a playbook, and return one answer per run: HostRuns as plain data, by host."""
        done = subprocess.run(
            self.words(), input=self.asked(*arguments, **more), capture_output=True, text=True, timeout=300,
            check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
