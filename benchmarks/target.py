"""What the collector of the whole baseline costs a host, by section, beside OpenSCAP and Lynis on the same host.

    python -m benchmarks.target       (`make bench` runs it before the fleet)

The host is the lab's good one, made harder: the package lists of Debian's real archives (where this machine has some)
and 120 packages that wait for an update. CPU is user and system time of every process that a command started on the
host; what entering the host costs is measured with `true` and taken off. Medians of BENCH_ROUNDS runs, peers once.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tabulate import tabulate

from hardencheck.baselines.load import load
from hardencheck.collect.script import build
from hardencheck.model.outcome import Platform
from hardencheck.pipeline.collector import script_for
from tests.lab.lab import Host, Lab
from tests.oracle.peers import datastream

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
PENDING = 120
LISTS = Path("var/lib/apt/lists")
OSCAP = ["oscap", "xccdf", "eval"]
#: Debian's largest profile (391 rules) and its smallest (44); beside them all of its rules (591) are measured
PROFILES = ("anssi_bp28_high", "standard")
LYNIS = ["lynis", "audit", "system", "--quick", "--no-colors", "--quiet"]
SIMULATION = ["apt-get", "-s", "-qq", "-o", "Debug::NoLocking=1", "-o", "Dir::Log::Planner=", "dist-upgrade"]


@dataclass(frozen=True)
class Cost:
    """What one command took: CPU and wall seconds, and the bytes that it printed."""

    cpu: float
    wall: float
    size: int

    def without(self, other: Cost) -> Cost:
        """Return the cost above another one, which is part of it."""
        return Cost(max(0.0, self.cpu - other.cpu), max(0.0, self.wall - other.wall), self.size)


class Target:
    """A host, and the way to run commands as root in it."""

    def __init__(self, host: Host) -> None:
        pid = host.root.parts[2]
        self.host = host
        self.prefix = ["nsenter", "-t", pid, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "env", "-i"]
        self.prefix += ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/root", "TERM=dumb"]
        self.entering = self._median(lambda: self._run(["true"]), 7)

    def cost(self, command: Sequence[str], stdin: bytes = b"", rounds: int = 1) -> Cost:
        """Run a command so many times and return its median cost."""
        return self._median(lambda: self._run(command, stdin), rounds).without(self.entering)

    def _run(self, command: Sequence[str], stdin: bytes = b"") -> Cost:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
            given.write(stdin)
            given.seek(0)
            started = time.monotonic()
            with open(os.devnull, "wb") as errors:
                process = subprocess.Popen([*self.prefix, *command], stdin=given, stdout=printed, stderr=errors)
            usage = os.wait4(process.pid, 0)[2]
            process.returncode = 0  # it was waited for here, for what it used
            return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - started, printed.seek(0, os.SEEK_END))

    @staticmethod
    def _median(run: Callable[[], Cost], rounds: int) -> Cost:
        costs = [run() for _ in range(rounds)]
        return Cost(median(c.cpu for c in costs), median(c.wall for c in costs), costs[0].size)


def burden(root: Path) -> None:
    """Give a host this machine's package lists, and make its first packages older than they are."""
    sources = subprocess.run(
        ["apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lists = [path for path in Path("/", LISTS).glob("*_dists_*") if path.is_file()]
    if sources.returncode == 0 and lists:
        text = "".join(f"{line}\n" for line in sorted(set(sources.stdout.splitlines())))
        (root / "etc/apt/sources.list.d/real.list").write_text(text)
        for path in lists:
            shutil.copy(path, root / LISTS / path.name)
    status = root / "var/lib/dpkg/status"
    status.write_text(re.sub(r"^(Version: .*)$", r"\1~", status.read_text(), count=PENDING, flags=re.MULTILINE))


def sections(target: Target) -> list[tuple[str, Cost]]:
    """Measure each probe's section by itself, then the whole collector as a sweep sends it."""
    baseline = load("bpo-core")
    values = {name: value.default for name, value in baseline.values.items()}
    script = script_for(baseline, Platform.LINUX)
    shell = ["/bin/sh", "-s"]
    nothing = target.cost(shell, build([]).payload("0" * 32, values), ROUNDS)
    found = []
    for probe in script.probes:
        cost = target.cost(shell, build([probe]).payload("0" * 32, values), ROUNDS)
        found.append((probe.id, cost.without(nothing)))
    found.sort(key=lambda row: -row[1].cpu)
    return [*found, ("the whole collector", target.cost(shell, script.payload("0" * 32, values), ROUNDS))]


def _selections(content: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield what oscap is asked to evaluate: all rules of the content, then each of PROFILES."""
    rules = sorted(set(re.findall(r'<[\w.-]*:?Rule [^>]*\bid="([^"]+)"', content.read_text())))
    yield f"oscap, all {len(rules)} rules", [word for rule in rules for word in ("--rule", rule)]
    for profile in PROFILES:
        yield f"oscap, profile {profile}", ["--profile", f"xccdf_org.ssgproject.content_profile_{profile}"]


def main() -> None:
    """Boot one host, measure and print."""
    lab = Lab(f"bench{os.getpid()}")
    try:
        lab.require(build=True)
        host = lab.host("good")
        with tempfile.TemporaryDirectory() as folder:
            content = datastream(Path(folder))
            (host.root / "root" / content.name).write_bytes(content.read_bytes())
            selections = list(_selections(content))
        burden(host.root)
        target = Target(host)
        rows = sections(target)
        whole = rows[-1][1]
        rows.append(("APT's own simulation (not part of it)", target.cost(SIMULATION, rounds=ROUNDS)))
        peers = [("lynis audit system --quick", target.cost(LYNIS))]
        peers += [(name, target.cost([*OSCAP, *words, f"/root/{content.name}"])) for name, words in selections]
    finally:
        lab.down()
    table = [(name, 1000 * cost.cpu, 1000 * cost.wall, cost.size) for name, cost in [*rows, *peers]]
    print(tabulate(table, headers=("on the host", "CPU ms", "wall ms", "bytes"), floatfmt=("", ".0f", ".0f", "d")))
    for name, cost in peers:
        print(f"the whole collector takes {cost.cpu / whole.cpu:.1f} times less CPU than {name}")


if __name__ == "__main__":
    main()
