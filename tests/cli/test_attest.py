"""`hardencheck attest`, and reports by framework: a statement needs a person, a day that has been, and a file."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from hardencheck.model.outcome import Outcome
from hardencheck.report.json import SCHEMA
from tests.cli.stored import KNOWN, home_store, put
from tests.cli.test_command_line import run

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "minutes.pdf").write_bytes(b"who took part")
    (tmp_path / "empty.pdf").write_bytes(b"")
    put(home_store(tmp_path), NOW, {"desk1": {KNOWN: (Outcome.PASS, "debian")}})
    return tmp_path


def attest(home: Path, *more: object) -> tuple[int, str, str]:
    done = run("attest", *more, "--attestations", home / "a.yaml", home=home)
    return done.returncode, done.stdout, done.stderr


def test_a_statement_is_kept_with_the_digest_of_its_evidence_and_shown(home: Path) -> None:
    words = ("incident-response-drilled", "--by", "Ana Cruz", "--evidence", home / "minutes.pdf")
    code, out, _ = attest(home, *words)
    assert code == 0
    assert "attested by Ana Cruz" in out
    assert hashlib.sha256(b"who took part").hexdigest() in (home / "a.yaml").read_text()
    listed = attest(home)[1]
    assert listed.startswith("Attestations: 1 hold, ")
    assert "notchecked: nda-signed" in listed
    body = json.loads(run("report", "--attestations", home / "a.yaml", "--format", "json", home=home).stdout)
    jsonschema.validate(body, SCHEMA)
    assert [each["control"] for each in body["attestations"] if each["outcome"] == "pass"] == [words[0]]
    assert "Attestations: 1 hold" in run("report", "--attestations", home / "a.yaml", home=home).stdout


def test_the_framework_view_tells_what_looked_what_was_attested_and_what_is_left(home: Path) -> None:
    attest(home, "incident-response-drilled", "--by", "Ana Cruz", "--evidence", home / "minutes.pdf")
    line = ("report", "--framework", "nist-800-53r5", "--format", "json")
    with_it = json.loads(run(*line, "--attestations", home / "a.yaml", home=home).stdout)
    without = json.loads(run(*line, home=home).stdout)
    coverage = {each["number"]: each["coverage"] for each in with_it["requirements"]}
    assert (coverage["CM-8"], coverage["IR-3"], coverage["PS-6"]) == ("automated", "attested", "notchecked")
    assert {each["number"]: each["coverage"] for each in without["requirements"]}["IR-3"] == "notchecked"
    screen = run("report", "--framework", "nist-800-53r5", home=home)
    assert screen.returncode == 0
    assert "1 automated, 0 attested" in screen.stdout


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("nda-singed",), 64, "did you mean nda-signed?"),
        (("nda-signed",), 64, "--by, --evidence"),
        (("nda-signed", "--by", " ", "--evidence", "minutes.pdf"), 64, "--by, --evidence"),
        (("nda-signed", "--by", "Ana", "--evidence", "none.pdf"), 78, "none.pdf: cannot be read"),
        (("nda-signed", "--by", "Ana", "--evidence", "empty.pdf"), 78, "it proves nothing"),
        (("nda-signed", "--by", "Ana", "--evidence", "minutes.pdf", "--on", f"{NOW + timedelta(2):%Y-%m-%d}"), 64,
         "is still to come"),
        (("--by", "Ana"), 64, "say what is attested"),
    ],
)  # fmt: skip
def test_half_a_statement_is_refused_and_nothing_is_written(
    more: tuple[str, ...], code: int, words: str, home: Path
) -> None:
    found = attest(home, *(home / each if each.endswith(".pdf") else each for each in more))
    assert found[0] == code
    assert words in found[2]
    assert not (home / "a.yaml").exists()


def test_a_framework_that_is_not_known(home: Path) -> None:
    done = run("report", "--framework", "pci-dss-4", home=home)
    assert done.returncode == 64
    assert "did you mean pci-dss-4.0.1?" in done.stderr
