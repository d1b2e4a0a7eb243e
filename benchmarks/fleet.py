"""What one sweep costs the controller, beside the alternatives, on real sshd targets in network namespaces.

    make bench                      200 targets; BENCH_HOSTS=50 make bench for fewer

Every figure is user and system CPU time of the controller's own processes (the targets are nobody's children), so that
it means the same on a busy machine. Each approach runs over one host and over all of them: the difference, per host, is
what a host costs; the run over one host is the start-up. Ratios compare approaches measured in this one run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tabulate import tabulate

from hardencheck.baselines.load import load
from hardencheck.pipeline.collector import script_for
from tests.lab.lab import USER, Host, Lab

HOSTS = int(os.environ.get("BENCH_HOSTS", "200"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SLOW_HOSTS = 8  #: for Ansible, which costs a hundred times more
TASKS = 25


#: runs a command as its subreaper, so that processes which outlive it (ssh masters of Ansible) are counted too
METER = """
import ctypes, os, resource, signal, subprocess, sys
from pathlib import Path
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
status = subprocess.run(sys.argv[1:]).returncode
while left := Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
    for pid in left:
        os.kill(int(pid), signal.SIGTERM)
        os.waitpid(int(pid), 0)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, status, file=sys.stderr)
"""


@dataclass(frozen=True)
class Cost:
    """What one run took: CPU seconds of its processes, and the largest one's memory in MB."""

    seconds: float
    megabytes: float


def measure(command: Sequence[str], allowed: Sequence[int] = (0,), stdin: str = "") -> Cost:
    """Run a command and return what it and its children cost."""
    done = subprocess.run(
        [sys.executable, "-c", METER, *command], input=stdin, text=True, capture_output=True, check=False
    )
    seconds, megabytes, status = done.stderr.splitlines()[-1].split()
    if int(status) not in allowed:
        raise SystemExit(f"{command} ended with {status}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return Cost(float(seconds), float(megabytes))


@dataclass(frozen=True)
class Bench:
    """A booted fleet and a folder to work in."""

    lab: Lab
    hosts: list[Host]
    folder: Path

    def sweep(self, count: int) -> Cost:
        """Run `hardencheck sweep` with a new store."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            command = [sys.executable, "-m", "hardencheck", "sweep", "-i", self.inventory(count), "-q"]
            return measure([*self.lab.exec_prefix, *command, "--store", f"{folder}/s.db"], allowed=(0, 1, 2, 3))

    def bare(self, count: int) -> Cost:
        """Run the yardstick with the very script of the sweep."""
        script = self.folder / "script"
        script.write_bytes(script_for(load("bpo-core")).payload("0" * 32))
        addresses = "\n".join(host.address for host in self.hosts[:count])
        command = [sys.executable, "-m", "benchmarks.bare", self.lab.known_hosts, self.lab.key, USER, script]
        return measure([*self.lab.exec_prefix, *map(str, command)], stdin=addresses)

    def ansible_script(self, count: int) -> Cost:
        """Let `ansible -m script` run the same script."""
        script = self.folder / "script.sh"
        script.write_bytes(b"#!/bin/sh\n" + script_for(load("bpo-core")).payload("0" * 32))
        command = ["ansible", "all", "-i", self.inventory(count), "-f", "50", "-m", "script", "-a", str(script)]
        return measure([*self.lab.exec_prefix, str(Path(sys.executable).parent / command[0]), *command[1:]])

    def ansible_playbook(self, count: int) -> Cost:
        """Let a playbook ask 25 questions, one task each."""
        tasks = "".join(f"  - command: uname -a\n    changed_when: {number} < 0\n" for number in range(TASKS))
        playbook = self.folder / "playbook.yml"
        playbook.write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
        command = ["ansible-playbook", "-i", self.inventory(count), "-f", "50", str(playbook)]
        return measure([*self.lab.exec_prefix, str(Path(sys.executable).parent / command[0]), *command[1:]])

    def inventory(self, count: int) -> str:
        """Write an inventory of the first hosts."""
        keep = {host.name for host in self.hosts[:count]}
        lines = self.lab.inventory.read_text().splitlines()
        path = self.folder / f"inventory-{count}.ini"
        path.write_text("\n".join(x for x in lines if "lab_profile=" not in x or x.split()[0] in keep) + "\n")
        return str(path)


def rows(bench: Bench) -> list[tuple[str, int, float, float, float, float]]:
    """Measure every approach: name, hosts, start-up s, whole run s, ms per host, largest process MB."""
    found = []
    for name, run, count, rounds in (
        ("bare paramiko exec", bench.bare, HOSTS, ROUNDS),
        ("hardencheck sweep", bench.sweep, HOSTS, ROUNDS),
        ("ansible -m script", bench.ansible_script, SLOW_HOSTS, 1),
        ("ansible-playbook, 25 tasks", bench.ansible_playbook, SLOW_HOSTS, 1),
    ):
        one = [run(1) for _ in range(rounds)]
        many = [run(count) for _ in range(rounds)]
        start, whole = median(cost.seconds for cost in one), median(cost.seconds for cost in many)
        per_host = 1000 * (whole - start) / (count - 1)
        found.append((name, count, start, whole, per_host, max(cost.megabytes for cost in many)))
        print(f"measured {name}", file=sys.stderr)
    return found


def main() -> None:
    """Boot the fleet, measure, print the table and the ratios."""
    lab = Lab(f"bench{os.getpid()}")
    try:
        lab.require(build=True)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(lab, lab.fleet(HOSTS, "good"), Path(folder))
            table = rows(bench)
    finally:
        lab.down()
    headers = ("approach", "hosts", "start-up CPU s", "whole run CPU s", "CPU ms/host", "peak MB")
    print(tabulate(table, headers=headers, floatfmt=("", "", ".2f", ".2f", ".1f", ".0f")))
    cost = {row[0]: row[4] for row in table}
    own, whole = cost["hardencheck sweep"], {row[0]: row[3] / row[1] for row in table}
    print(f"\nper host, against a bare paramiko exec: {own / cost['bare paramiko exec']:.2f} times "
          f"(start-up included: {whole['hardencheck sweep'] / whole['bare paramiko exec']:.2f})")  # fmt: skip
    for name in ("ansible -m script", "ansible-playbook, 25 tasks"):
        print(f"per host, {name}: {cost[name] / own:.0f} times a sweep")


if __name__ == "__main__":
    main()
