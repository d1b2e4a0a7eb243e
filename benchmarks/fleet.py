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
from hardencheck.model.outcome import Platform
from hardencheck.pipeline.collector import script_for
from tests.lab.lab import USER, Host, Lab

HOSTS = int(os.environ.get("BENCH_HOSTS", "200"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
FEW_HOSTS = min(HOSTS, 16)  #: for Ansible, which takes long
TASKS = 25


#: runs a command as its subreaper, so that processes which outlive it (ssh masters of Ansible) are counted too; memory
#: is what its processes hold together that no file backs, looked at 20 times a second
METER = """
import ctypes, os, resource, signal, subprocess, sys, time
from pathlib import Path

def tree(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(pid), *(found for child in children for found in tree(child))]

def anonymous(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
child, peak = subprocess.Popen(sys.argv[1:]), 0
while child.poll() is None:
    peak = max(peak, sum(map(anonymous, tree(child.pid))))
    time.sleep(0.05)
while left := tree(os.getpid())[1:]:
    os.kill(left[0], signal.SIGTERM)
    os.waitpid(left[0], 0)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, peak / 1024, child.returncode, file=sys.stderr)
"""


def _collector() -> bytes:
    """Return the very bytes that a sweep sends, but for the nonce."""
    baseline = load("bpo-core")
    return script_for(baseline, Platform.LINUX).payload("0" * 32, baseline.values_for("", ()))


@dataclass(frozen=True)
class Cost:
    """What one run took: CPU seconds of its processes, and their largest memory in MB."""

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
        script.write_bytes(_collector())
        addresses = "\n".join(host.address for host in self.hosts[:count])
        command = [sys.executable, "-m", "benchmarks.bare", self.lab.known_hosts, self.lab.key, USER, script]
        return measure([*self.lab.exec_prefix, *map(str, command)], stdin=addresses)

    def ansible_script(self, count: int) -> Cost:
        """Let `ansible -m script` run the same script."""
        script = self.folder / "script.sh"
        script.write_bytes(b"#!/bin/sh\n" + _collector())
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
    """Measure every approach: name, hosts, start-up s, whole run s, ms per host, memory in MB."""
    found = []
    for name, run, count, rounds in (
        ("bare paramiko exec", bench.bare, HOSTS, ROUNDS),
        ("hardencheck sweep", bench.sweep, HOSTS, ROUNDS),
        ("hardencheck sweep", bench.sweep, FEW_HOSTS, ROUNDS),
        ("ansible -m script", bench.ansible_script, FEW_HOSTS, 1),
        ("ansible-playbook, 25 tasks", bench.ansible_playbook, FEW_HOSTS, 1),
    ):
        one = [run(1) for _ in range(rounds)]
        many = [run(count) for _ in range(rounds)]
        start, whole = median(cost.seconds for cost in one), median(cost.seconds for cost in many)
        per_host = 1000 * (whole - start) / (count - 1)
        found.append((name, count, start, whole, per_host, max(cost.megabytes for cost in many)))
        print(f"measured {name}, {count} hosts", file=sys.stderr)
    return found


def main() -> None:
    """Boot the fleet, measure, print the table and the ratios."""
    lab = Lab(f"bench{os.getpid()}")
    try:
        lab.require(build=True)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(lab, lab.fleet(HOSTS, "good"), Path(folder))
            bare, sweep, few, *slow = rows(bench)
    finally:
        lab.down()
    headers = ("approach", "hosts", "start-up CPU s", "whole run CPU s", "CPU ms/host", "memory MB")
    print(tabulate([bare, sweep, few, *slow], headers=headers, floatfmt=("", "", ".2f", ".2f", ".1f", ".0f")))
    print(f"\na sweep, against a bare paramiko exec of the same script: {sweep[4] / bare[4]:.2f} times per host, "
          f"{sweep[3] / bare[3]:.2f} times with start-up")  # fmt: skip
    for row in slow:
        print(f"{row[0]}, against a sweep of as many hosts: {row[4] / few[4]:.0f} times per host")
    help_cost = median(measure([sys.executable, "-m", "hardencheck", "--help"]).seconds for _ in range(5))
    print(f"hardencheck --help: {help_cost:.2f} CPU s")


if __name__ == "__main__":
    main()
