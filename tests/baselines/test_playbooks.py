"""Lint holds a rule's playbook to what previews and undoing rest on, without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardencheck.baselines import playbooks
from hardencheck.baselines.lint import lint
from tests.baselines.frozen import HEAD, PRIVILEGED, copied, edit

SOUND = """\
- hosts: all
  vars:
    hardencheck_touches: {files: [/etc/thing], packages: false, accounts: false}
  tasks:
    - block:
        - ansible.builtin.debug: {msg: "{{ highest_uid }}"}
          tags: linux-collector-privileged
"""
TOUCHES = "{files: [/etc/thing], packages: false, accounts: false}"
#: what is wrong -> text to replace in the sound playbook, what replaces it, words to say
WRONG: dict[str, tuple[str, str, str]] = {
    "no YAML": ("- hosts", "- {hosts", "cannot be read"),
    "no play": (SOUND, "thing: 1\n", "is no list of plays"),
    "nothing said of what is touched": ("hardencheck_touches", "touches", "does not say in vars what it touches"),
    "half said": (", accounts: false", "", "does not say accounts"),
    "of another type": ("[/etc/thing]", "/etc/thing", "files is no list"),
    "a key that nobody reads": (TOUCHES, TOUCHES.replace("files", "paths"), "has no key paths"),
    "a template": ("/etc/thing", '"{{ thing }}"', "must be literal"),
    "tags of another rule": (
        "linux-collector-privileged",
        "linux-collector",
        "no task with the tag linux-coll",
    ),
    "another value": ("highest_uid", "highest_uid_of_all", "does not speak of the value highest_uid"),
}


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that playbooks are shipped in, with a sound one; a rule of the frozen baseline names it."""
    monkeypatch.setattr(playbooks, "shipped", lambda name: tmp_path / name)
    (tmp_path / "playbooks" / "identity").mkdir(parents=True)
    (tmp_path / "playbooks" / "identity" / "uids.yml").write_text(SOUND)
    edit(copied(tmp_path) / PRIVILEGED, "remediation: {", "remediation: {playbook: identity/uids.yml, ")
    return tmp_path / "playbooks" / "identity" / "uids.yml"


def test_a_sound_playbook_is_clean(shipped: Path, tmp_path: Path) -> None:
    assert lint(tmp_path / "frozen") == []
    assert shipped.is_file()


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_at_the_rule(name: str, shipped: Path, tmp_path: Path) -> None:
    old, new, words = WRONG[name]
    edit(shipped, old, new)
    (problem,) = lint(tmp_path / "frozen")
    assert (problem.path, problem.key) == (str(tmp_path / "frozen" / PRIVILEGED), "remediation.playbook")
    assert words in problem.message


@pytest.mark.usefixtures("shipped")
def test_a_rule_that_names_a_playbook_has_no_reason_for_none(tmp_path: Path) -> None:
    edit(tmp_path / "frozen" / PRIVILEGED, "remediation: {", "remediation: {manual: Ask first., ")
    assert ["stands beside `manual`" in problem.message for problem in lint(tmp_path / "frozen")] == [True]


def test_a_value_that_a_playbook_alone_reads_is_used(shipped: Path, tmp_path: Path) -> None:
    spare = "  spare_uid: {title: Spare, default: 1, schema: {type: integer}}\n  highest_uid:\n"
    edit(tmp_path / "frozen" / HEAD, "  highest_uid:\n", spare)
    assert [problem.key for problem in lint(tmp_path / "frozen")] == ["values.spare_uid"]
    edit(shipped, "{{ highest_uid }}", "{{ highest_uid }} {{ spare_uid }}")
    assert lint(tmp_path / "frozen") == []
