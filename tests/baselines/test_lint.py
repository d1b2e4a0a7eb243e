"""Lint finds what can be judged but not trusted: one copy of a sound baseline for each way to be sloppy."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardencheck.baselines.lint import FRAMEWORKS, lint
from tests.baselines.frozen import CONTAINER, FROZEN, HEAD, KNOWN, PRIVILEGED, copied, edit

#: what is sloppy -> file, text to replace, what replaces it, the key to blame, words to say
SLOPPY: dict[str, tuple[str, str, str, str, str]] = {
    "title ends with a full stop": (KNOWN, "site runs\nsev", "site runs.\nsev", "title", "full stop"),
    "rationale too short": (
        CONTAINER,
        """>-
  A container shares its kernel with its neighbours, and whoever runs the neighbours can read its memory. Customer data
  belongs on a machine with a kernel of its own.
""",
        "It matters.\n",
        "rationale",
        "fewer than 60 characters",
    ),
    "playbook that is not there": (
        CONTAINER,
        "remediation: {",
        "remediation: {playbook: place/nowhere.yml, ",
        "remediation.playbook",
        "is not there",
    ),
    "unknown framework": (KNOWN, "{nist-800-53r5:", "{nist-800-53:", "references.nist-800-53", "mean nist-800-53r5?"),
    "id of another form": (KNOWN, "[CM-8]", "[CM-8, CM8]", "references.nist-800-53r5.1", "'CM8' has not the form"),
    "pass example that fails": (
        KNOWN,
        "pass: [{distribution: debian}]",
        "pass: [{distribution: arch}]",
        "examples.pass.0",
        "does not pass: distribution: found arch, expected one of debian, ubuntu",
    ),
    "fail example that passes": (
        KNOWN,
        '{distribution: ""}',
        "{distribution: ubuntu}",
        "examples.fail.1",
        "does not fail: it passes",
    ),
    "example without a fact": (
        PRIVILEGED,
        "{uid: null, hostname: agent7}",
        "{uid: null}",
        "examples.fail.1",
        "exactly the facts of expect: uid, hostname",
    ),
    "example with another fact": (
        KNOWN,
        "{distribution: arch}",
        '{distribution: arch, version: "1"}',
        "examples.fail.0",
        "exactly the facts of expect: distribution",
    ),
    "example that the probe cannot yield": (
        PRIVILEGED,
        "{uid: 1000, hostname: agent7}",
        '{uid: "1000", hostname: agent7}',
        "examples.fail.0.uid",
        "linux.platform never yields such a fact",
    ),
    "value of no rule": (
        HEAD,
        "  highest_uid:\n",
        "  spare_uid: {title: Spare, default: 1, schema: {type: integer}}\n  highest_uid:\n",
        "values.spare_uid",
        "is used by no rule",
    ),
}


def test_the_sound_baseline_is_clean() -> None:
    assert lint(FROZEN) == []


@pytest.mark.parametrize("name", SLOPPY)
def test_each_way_to_be_sloppy_is_found_at_its_line(name: str, tmp_path: Path) -> None:
    file, old, new, key, words = SLOPPY[name]
    path = copied(tmp_path) / file
    line = edit(path, old, new)
    (problem,) = lint(path.parents[file.count("/")])
    assert (problem.path, problem.key) == (str(path), key)
    assert words in problem.message
    assert line <= problem.line <= line + max(old.count("\n"), new.count("\n"))
    assert str(problem) == f"{path}:{problem.line}: {key}: {problem.message}"


def test_null_that_no_pass_example_shows_is_found(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder / PRIVILEGED, "uid: {minimum: 0, ", 'uid: {type: [integer, "null"], ')
    found = [(problem.key, problem.message) for problem in lint(folder)]
    assert found == [
        ("examples.pass.0.uid", "still passes when it is null"),
        ("examples.fail.1", "does not fail: it passes"),
    ]


def test_null_that_a_pass_example_shows_is_meant(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder / CONTAINER, "container: {const: null}", "container: {enum: [null, none]}")
    assert lint(folder) == []
    edit(folder / CONTAINER, "pass: [{container: null}]", "pass: [{container: none}]")
    (problem,) = lint(folder)
    assert (problem.key, problem.message) == ("examples.pass.0.container", "still passes when it is null")


def test_items_of_a_list_are_nulled_too(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder / CONTAINER, "  container: {const: null}", "  like: {minItems: 1, items: {minLength: 1}}")
    edit(folder / CONTAINER, "{container: null}", "{like: [debian, ubuntu]}")
    edit(folder / CONTAINER, "{container: docker}", "{like: []}")
    assert lint(folder) == []


def test_all_problems_are_found_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    for name in ("id of another form", "fail example that passes", "playbook that is not there", "value of no rule"):
        file, old, new, *_ = SLOPPY[name]
        edit(folder / file, old, new)
    found = [problem.key for problem in lint(folder)]
    assert found == ["references.nist-800-53r5.1", "examples.fail.1", "remediation.playbook", "values.spare_uid"]


#: framework, ids that have its form, ids that have not
IDS = [
    ("disa-stig", "UBTU-22-611035 RHEL-09-611090 SLES-15-020260", "V-260560 UBTU-22-61103 RHEL-09-6110900 rhel"),
    ("nist-800-53r5", "AC-6 IA-5(1) SI-2(2)", "AC6 IA-5(1 IA-5.1 A-1 IA-٥"),
    ("nist-csf-2.0", "PR.AA-01 DE.CM", "PR.AC-1 XX.AA-01 PR"),
    ("pci-dss-4.0.1", "8.3.6 1.2 10.2.1.1", "8 8.3.6.1.1.1 v8.3 8.3."),
    ("iso-27001-2022", "A.5.17 A.8.8", "5.17 A.9.1 A.12.6.1"),
    ("cis-8.1", "5.2 16.14", "5 5.2.1"),
    ("hipaa", "164.312(a)(2)(iv) 164.308", "312 164.312a"),
    ("soc2", "CC6.1 CC6.10 A1.2", "CC6 XX1.1"),
]


@pytest.mark.parametrize(("framework", "good", "bad"), IDS)
def test_ids_have_the_form_of_their_framework(framework: str, good: str, bad: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    names = [*good.split(), *bad.split()]
    edit(folder / KNOWN, "{nist-800-53r5: [CM-8]}", f"{{{framework}: {[*names]}}}")
    found = [problem.key for problem in lint(folder)]
    assert found == [f"references.{framework}.{number}" for number, name in enumerate(names) if name in bad.split()]


def test_every_framework_has_cases() -> None:
    assert {framework for framework, *_ in IDS} == set(FRAMEWORKS)
