"""A sweep over hosts in mixed states: every outcome right, coverage honest, and the same again from disk."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest

from tests.end_to_end.conftest import Command, Done
from tests.lab.lab import Lab, profiles

PROFILES = ("good", "bad", "weakpw", "usbblacklist", "nofw", "nosudo", "sshroot", "uid0")


@pytest.fixture
def swept(lab: Lab, command: Command, tailoring: Path) -> Done:
    """One sweep: eight hosts up, one with its cable out, one whose host key has changed."""
    hosts = lab.hosts(*PROFILES, "noids", "openfw")
    inventory = lab.inventory_of(*hosts)
    with lab.unplugged(lab.host("noids")), lab.changed_host_key(lab.host("openfw")):
        return command(
            "sweep", "-i", inventory, "--tailoring", tailoring, "--format", "json", "--deadline", 60,
            prefix=lab.exec_prefix,
        )  # fmt: skip


def test_every_outcome_is_right_and_the_same_again_from_disk(swept: Done, command: Command) -> None:
    assert swept.code == 3, swept.err
    coverage = swept.json["summary"]["coverage"]
    assert coverage == {"pending": 0, "reached": 7, "partial": 1, "unreachable": 2}

    assert swept.host("noids")["state"] == "unreachable"
    assert swept.host("openfw")["reason"] == "host_key_changed"
    for name in ("noids", "openfw"):
        assert set(swept.outcomes(name).values()) == {"notchecked", "notselected"}, "no roster was given"
    assert swept.host("nosudo")["reason"] == "no_privilege"
    assert swept.outcomes("nosudo")["linux-sudo-asks-for-password"] == "unknown"
    assert swept.outcomes("nosudo")["linux-accounts-only-root-uid-zero"] == "pass"

    good = swept.outcomes("good")
    assert good["linux-ssh-root-login-refused"] == "pass"
    failing = {rule for rule, outcome in good.items() if outcome == "fail"}
    assert failing == {"linux-malware-signatures-fresh"}, "no malware scanner fits into a lab host"
    assert swept.outcomes("sshroot") == {**good, "linux-ssh-root-login-refused": "fail"}
    assert swept.outcomes("uid0") == {**good, **dict.fromkeys(profiles()["uid0"].split(), "fail")}

    again = command("rejudge", "--format", "json")
    assert again.out == swept.out
    assert again.code == swept.code
    assert "every result is as it was stored" in again.err

    report = command("report", "--format", "json")
    assert report.out == swept.out
    schema = json.loads(command("schema", "result").out)
    jsonschema.Draft202012Validator(schema).validate(report.json)

    rows = list(csv.DictReader(io.StringIO(command("report", "--format", "csv").out)))
    assert {row["host"] for row in rows} == {host["host"] for host in swept.json["sweep"]["hosts"]}

    table = command("report")
    assert "10 in scope: 7 reached, 1 partial, 2 unreachable" in table.out
    assert "openfw: unreachable, host_key_changed" in table.out

    page = command("host", "show", "sshroot")
    assert "in Match" in page.out

    findings = command("findings", "--host", "uid0")
    assert "linux-accounts-only-root-uid-zero" in findings.out
