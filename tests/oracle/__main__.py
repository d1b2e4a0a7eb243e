"""Prints docs/oracle.md: `make oracle` boots the hosts, lets all three tools judge them, and writes the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.end_to_end.conftest import TAILORING
from tests.lab.lab import Lab
from tests.oracle import peers

PROFILES = ("good", "weakpw", "nofw", "nopasswd", "sshroot", "emptypw", "usbblacklist")

HEAD = """\
# Where OpenSCAP and Lynis say otherwise

Real hosts of the lab (`tests/lab/profiles/`), judged by hardencheck, by OpenSCAP with Debian's own content
(ssg-debian {version}) and by Lynis, each with its defaults. `tests/oracle/peers.yaml` says which checks ask the same
question. This page is written by `make oracle`; a test fails when a difference appears that is not argued here.

Of {answers} answers to the same questions on {hosts} hosts, {same} agree. The others, with the reason for ours:

| check | says | hardencheck says | on | because |
| --- | --- | --- | --- | --- |
"""


def judged(lab: Lab, folder: Path) -> tuple[dict[str, dict[str, str]], dict[str, list[peers.Answer]]]:
    """Return our outcomes by host and rule, and the others' answers by host."""
    hosts = lab.hosts(*PROFILES)
    (folder / "site.yaml").write_text(TAILORING)
    words = ["sweep", "-i", lab.inventory_of(*hosts), "--tailoring", folder / "site.yaml", "--store", folder / "h.db"]
    command = [*lab.exec_prefix, sys.executable, "-m", "hardencheck", *map(str, words), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    ours = {
        host["host"]: {result["rule_id"]: result["outcome"] for result in host["results"]}
        for host in json.loads(done.stdout)["sweep"]["hosts"]
    }
    content = peers.datastream(folder)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(lambda host: [*peers.openscap(lab, host, content), *peers.lynis(lab, host)], hosts)
        return ours, {host.name: found for host, found in zip(hosts, answers, strict=True)}


def page(ours: dict[str, dict[str, str]], theirs: dict[str, list[peers.Answer]]) -> str:
    """Return the page in Markdown."""
    found = peers.differences(ours, theirs)
    rows: dict[tuple[str, str, str, str, str], list[str]] = defaultdict(list)
    for each in found:
        answer = each.answer
        rows[(answer.rule_id, f"{answer.tool} {answer.check}", answer.outcome, each.ours, each.why)].append(each.host)
    total = sum(map(len, theirs.values()))
    version = peers.PACKAGE.split("_")[1]
    text = HEAD.format(version=version, answers=total, hosts=len(theirs), same=total - len(found))
    for (rule, check, says, mine, why), hosts in sorted(rows.items()):
        on = "all hosts" if len(hosts) == len(theirs) else ", ".join(sorted(hosts))
        text += f"| {check} | {says} | {mine} (`{rule}`) | {on} | {' '.join(why.split())} |\n"
    return text


def main() -> None:
    """Boot the hosts, print the page, end the hosts."""
    lab = Lab(f"oracle{os.getpid()}")
    lab.require(build=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            print(page(*judged(lab, Path(folder))), end="")
    finally:
        lab.down()


if __name__ == "__main__":
    main()
