"""OpenSCAP and Lynis on a lab host, and what they say where hardencheck has a rule too.

`peers.yaml` says which of their checks ask the same question; `differences.yaml` says why ours is right for each answer
that differs. Content for OpenSCAP is Debian's own package ssg-debian, as Debian 13 ships it: Debian 12's has no
content for Debian 12.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab.lab import Host, Lab

HERE = Path(__file__).parent
MIRROR = "http://deb.debian.org/debian/"
PACKAGE = "pool/main/s/scap-security-guide/ssg-debian_0.1.76-1_all.deb"
SHA256 = "f6880719015c16e8e221bc2503c0e5a9f83d6a09fc6f9292d3522e46bf4fc9d7"
DATASTREAM = "usr/share/xml/scap/ssg/content/ssg-debian12-ds.xml"
RULE = "xccdf_org.ssgproject.content_rule_"


@dataclass(frozen=True)
class Answer:
    """One answer of one tool about one of our rules: `check` is its own id, `outcome` in our words."""

    rule_id: str
    tool: str
    check: str
    outcome: str


def load(name: str) -> Any:
    """Return what one of the YAML files beside this module says."""
    return yaml.safe_load((HERE / name).read_text())


def mapping(tool: str) -> dict[str, list[str]]:
    """Return the checks of a tool that ask the same as one of our rules."""
    return {rule: entry[tool] for rule, entry in load("peers.yaml").items() if tool in entry}


def datastream(folder: Path) -> Path:
    """Return OpenSCAP's content for Debian 12, fetched from Debian's archive and held against its digest."""
    package = folder / Path(PACKAGE).name
    if not package.exists() or hashlib.sha256(package.read_bytes()).hexdigest() != SHA256:
        with urllib.request.urlopen(MIRROR + PACKAGE, timeout=60) as response:
            package.write_bytes(response.read())
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    assert found == SHA256, f"{PACKAGE} has another digest: {found}"
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder / DATASTREAM


def openscap(lab: Lab, host: Host, content: Path) -> list[Answer]:
    """Let OpenSCAP judge a host, and return its answers to our questions."""
    asked = mapping("openscap")
    (host.root / "root" / content.name).write_bytes(content.read_bytes())
    checks = sorted({check for checks in asked.values() for check in checks})
    words = [word for check in checks for word in ("--rule", RULE + check)]
    done = lab.run_in(host, "oscap", "xccdf", "eval", *words, f"/root/{content.name}", check=False)
    found = dict(re.findall(rf"^Rule\s+{RULE}(\S+)\n(?:.*\n)*?Result\s+(\S+)$", done.stdout, re.MULTILINE))
    assert set(found) == set(checks), done.stderr
    return [Answer(rule, "OpenSCAP", check, found[check]) for rule, checks in asked.items() for check in checks]


def lynis(lab: Lab, host: Host) -> list[Answer]:
    """Let Lynis audit a host, and return its answers: a test with a warning or suggestion fails, a run one passes.

    A check may name words of the finding after the test's id, as `SSH-7408 PermitRootLogin`.
    """
    report = "/root/lynis.dat"
    words = ["audit", "system", "--quick", "--no-colors", "--quiet", "--report-file", report, "--log-file", "/dev/null"]
    lab.run_in(host, "lynis", *words, check=False)
    text = lab.run_in(host, "cat", report).stdout
    run = set(_of(text, "tests_executed")[0].split("|"))
    findings = [line for kind in ("warning[]", "suggestion[]") for line in _of(text, kind)]
    return [
        Answer(rule, "Lynis", check, _judged(check, run, findings))
        for rule, checks in mapping("lynis").items()
        for check in checks
    ]


def _of(report: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in report.splitlines() if line.startswith(f"{key}=")]


def _judged(check: str, run: set[str], findings: Iterable[str]) -> str:
    test, _, words = check.partition(" ")
    if any(line.startswith(f"{test}|") and words in line for line in findings):
        return "fail"
    return "pass" if test in run else "notapplicable"


@dataclass(frozen=True)
class Difference:
    """An answer that is not ours, on one host; `why` is the argument, "" when there is none."""

    host: str
    ours: str
    answer: Answer
    why: str


def differences(ours: Mapping[str, Mapping[str, str]], theirs: Mapping[str, list[Answer]]) -> list[Difference]:
    """Return every answer that differs from ours; `ours` maps host and rule to the outcome."""
    argued = load("differences.yaml")
    found = []
    for host, answers in theirs.items():
        for answer in answers:
            mine = ours[host].get(answer.rule_id, "(not asked)")
            if mine != answer.outcome:
                why = next((entry["why"] for entry in argued if _fits(entry, answer, mine)), "")
                found.append(Difference(host, mine, answer, why.strip()))
    return found


def _fits(entry: Mapping[str, str], answer: Answer, ours: str) -> bool:
    return (entry["check"], entry["theirs"], entry["ours"]) == (answer.check, answer.outcome, ours)
