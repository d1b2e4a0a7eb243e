"""Names leave a recording, and nothing else changes: lengths, verdicts, what belongs together."""

from __future__ import annotations

import json
import re

import pytest

from hardencheck.collect.frame import join, split
from hardencheck.collect.redact import redact
from hardencheck.evaluate.observe import observe
from hardencheck.model.capture import Capture
from hardencheck.model.host import Host
from hardencheck.model.outcome import Platform
from hardencheck.probes import all_probes
from tests.probes.cases import Case, all_cases, compose, compose_windows

KEY = b"k" * 32
HOST = Host("pc017.berlin.acme.test", "10.20.30.40", client="Müller Bank", user="audit")
#: probes whose facts hold names: they cannot stay the same
CASES = [case for case in all_cases() if case.probe_id in ("linux.sshd", "linux.screen_lock", "windows.platform")]


def text(data: dict[str, Capture]) -> str:
    return "".join(capture.stdout.decode() for capture in data.values())


def test_names_of_people_hosts_and_networks_are_gone() -> None:
    files = {
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nanna.koch:x:1001:1001:Anna Koch,,,:/home/anna.koch:/bin/sh\n",
        "/etc/sudoers.d/x": "anna.koch ALL=(ALL) ALL\n%tellers ALL=/bin/true # ask b.lang@acme.test\n",
    }
    runs = {
        "groups": {"text": "tellers:1300:anna.koch\n"},
        "ip": {"text": "192.168.7.21 via 10.20.30.40 of 10.20.0.0/16 on 0.0.0.0 and 127.0.0.1, 52:54:00:ab:cd:ef\n"},
        "where": {"text": "pc017 PC017.berlin.acme.test /srv/Müller Bank/calls/anna.koch.wav\n"},
    }
    before = {"linux.x": Capture("linux.x", compose({"files": files, "runs": runs}))}
    after = redact(HOST, before, KEY)
    gone = ("anna", "koch", "tellers", "b.lang", "acme", "berlin", "pc017", "ller bank", "30.40", "7.21", "52:54:00")
    assert [name for name in gone if name in text(after).lower()] == []
    for kept in (
        "10.20.0.0/16",
        "root:x:0:0:root:/root",
        "0.0.0.0",
        "127.0.0.1",
        "ALL=(ALL) ALL",
        "/srv/",
        "/calls/",
        ":/bin/sh",
    ):
        assert kept in text(after)
    assert len(after["linux.x"].stdout) == len(before["linux.x"].stdout)
    made = re.search(r"^(\S+):x:1001", text(after), re.MULTILINE)
    assert made is not None
    assert text(after).lower().count(made[1].lower()) == text(before).lower().count("anna.koch")


def test_names_of_windows_are_gone_in_their_escaped_form() -> None:
    items = {
        "computer": {"name": "AGENT-017", "domain": "lab.acme.test", "role": 1},
        "members": [{"sid": "S-1-5-21-1004336348-1177238915-682003330-1104", "name": "ACME\\jürgen", "kind": 1}],
        "note": "last used by jürgen on agent-017",
        "everyone": {"sid": "S-1-5-32-544", "name": "Administratoren"},
    }
    before = {"windows.x": Capture("windows.x", compose_windows({"items": items}))}
    after = redact(Host("w1", "w1", platform=Platform.WINDOWS), before, KEY)
    values = {item["i"]: item.get("v") for item in map(json.loads, text(after).splitlines())}
    assert "rgen" not in text(after).lower()
    assert "agent" not in text(after).lower()
    assert "1004336348" not in text(after)
    assert values["everyone"] == items["everyone"], "what Windows itself brings stays as it is"
    assert re.fullmatch(r"S-1-5-21-\d{10}-\d{10}-\d{9}-1104", values["members"][0]["sid"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.probe_id}-{case.name}")
def test_what_is_judged_stays_the_same(case: Case) -> None:
    probe = all_probes()[case.probe_id]
    changed = redact(Host("h1", "h1", platform=probe.platform), {case.probe_id: case.capture}, KEY)[case.probe_id]
    before, after = observe(probe, case.capture, case.context), observe(probe, changed, case.context)
    names = ("hostname",)
    assert after.status is before.status
    assert {k: v for k, v in after.facts.items() if k not in names} == {
        k: v for k, v in before.facts.items() if k not in names
    }


def test_a_recording_reads_as_the_answer_did() -> None:
    probes = [all_probes()["linux.platform"], all_probes()["linux.sshd"]]
    captures = {
        "linux.platform": Capture("linux.platform", b"@end\n", b"said", 3),
        "linux.sshd": Capture("linux.sshd", b"x" * probes[1].max_bytes, truncated=True),
    }
    for complete in (True, False):
        frames = split(join(captures, "a" * 32, complete=complete), "a" * 32, probes)
        assert frames.captures == captures
        assert frames.complete is complete
