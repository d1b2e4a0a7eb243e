"""What a Windows host costs the controller, beside bare pywinrm with the same script and the same answer.

    python -m benchmarks.windows        BENCH_HOSTS=50 for fewer

The hosts are the listeners of the tests (`tests/winlab`) in a process of their own: NTLM with message encryption, as on
a real host, and recorded captures as the answer. Figures are CPU time of the controller's process alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from statistics import median

from tabulate import tabulate

from benchmarks.fleet import HOSTS, Cost, measure
from hardencheck.baselines.load import load
from hardencheck.model.outcome import Platform
from hardencheck.pipeline.collector import script_for
from tests.winlab.domain import Domain
from tests.winlab.machine import like
from tests.winlab.server import WsmanServer

USER, PASSWORD = "LAB\\audit", "correct horse"
LISTENERS = 20
TURNS = 7
MACHINE = "a Windows 11 workstation of a domain, in English"


def serve() -> None:
    """Listen until standard input ends; print the ports."""
    with ExitStack() as stack:
        domain, machine = stack.enter_context(Domain({USER: PASSWORD})), like(MACHINE, {})
        servers = [stack.enter_context(WsmanServer(machine, domain)) for _ in range(LISTENERS)]
        print(*(server.port for server in servers), flush=True)
        sys.stdin.read()


@contextmanager
def listening() -> Iterator[list[str]]:
    """Provide the ports of the listeners, which are another process."""
    command = [sys.executable, "-m", "benchmarks.windows", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().split()
        process.stdin.close()


def sweep(folder: Path, ports: list[str]) -> Cost:
    """Run `hardencheck sweep` with a new store."""
    lines = [
        f"desk-{number:03} ansible_host=127.0.0.1 ansible_port={port} ansible_connection=winrm ansible_user='{USER}' "
        f"ansible_password='{PASSWORD}' ansible_winrm_scheme=http ansible_winrm_transport=ntlm "
        "ansible_winrm_message_encryption=always\n"
        for number, port in enumerate(ports)
    ]
    inventory = folder / "inventory.ini"
    inventory.write_text("".join(lines))
    with tempfile.TemporaryDirectory(dir=folder) as store:
        command = [sys.executable, "-m", "hardencheck", "sweep", "-i", str(inventory), "-q", "--store", f"{store}/s.db"]
        return measure(command, allowed=(1, 3))  # 2 would mean that no host answered


def bare(folder: Path, ports: list[str]) -> Cost:
    """Run the yardstick with the very script of the sweep."""
    baseline, script = load("bpo-core"), folder / "script"
    script.write_bytes(script_for(baseline, Platform.WINDOWS).payload("0" * 32, {}))
    return measure([sys.executable, "-m", "benchmarks.bare_winrm", str(script)], stdin=" ".join(ports))


def main() -> None:
    """Measure both over one host and over all, and print what a host costs."""
    ways = {"bare pywinrm": bare, "hardencheck sweep": sweep}
    starts: dict[str, list[Cost]] = {label: [] for label in ways}
    wholes: dict[str, list[Cost]] = {label: [] for label in ways}
    with listening() as ports, tempfile.TemporaryDirectory() as name:
        many = [ports[number % len(ports)] for number in range(HOSTS)]
        # by turns: what else the machine does should weigh on both alike
        for _, (label, run) in product(range(TURNS), ways.items()):
            starts[label].append(run(Path(name), many[:1]))
            wholes[label].append(run(Path(name), many))
    found = []
    for label in ways:
        start, whole = (median(cost.seconds for cost in costs[label]) for costs in (starts, wholes))
        memory = max(cost.megabytes for cost in wholes[label])
        found.append((label, HOSTS, start, whole, 1000 * (whole - start) / (HOSTS - 1), memory))
    headers = ("approach", "hosts", "start-up CPU s", "whole run CPU s", "CPU ms/host", "memory MB")
    print(tabulate(found, headers=headers, floatfmt=("", "", ".2f", ".2f", ".1f", ".0f")))
    print(f"\na sweep, against bare pywinrm: {found[1][4] / found[0][4]:.2f} times per host, "
          f"{found[1][3] / found[0][3]:.2f} times with start-up")  # fmt: skip


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
