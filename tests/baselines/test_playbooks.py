"""What a playbook says of itself is read strictly, without running it, and lint holds a rule's playbook to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardencheck.baselines import playbooks
from hardencheck.baselines.lint import lint
from hardencheck.baselines.playbooks import digest_of, read_playbook
from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from tests.baselines.frozen import HEAD, PRIVILEGED, copied, edit
from tests.remediate.books import BOOK, folder

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
    "no play": (SOUND, "thing: 1\n", "it is no list of plays"),
    "an unknown part of the kernel": ("packages: false", "kernel: [sysctl], packages: false", "touches.kernel"),
    "nothing said of what is touched": ("hardencheck_touches", "touches", "is no table in the vars"),
    "half said": (", accounts: false", "", "needs the key 'accounts'"),
    "of another type": ("[/etc/thing]", "/etc/thing", "touches.files: is not a key here, or cannot be '/etc/th"),
    "a key that nobody reads": (TOUCHES, TOUCHES.replace("files", "paths"), "touches.paths: is not a key here"),
    "a flag that is none": ("accounts: false", "accounts: 0", "touches.accounts: is not a key here, or cannot be 0"),
    "a template": ("/etc/thing", '"{{ thing }}"', "must be literal"),
    "tags of another rule": (
        "linux-collector-privileged",
        "linux-collector",
        "no task with the tag linux-coll",
    ),
    "a need that is no list": (
        TOUCHES,
        f"{TOUCHES}\n    hardencheck_needs: highest_uid",
        "hardencheck_needs: expected",
    ),
    "a need that nobody can set": (
        TOUCHES,
        f"{TOUCHES}\n    hardencheck_needs: [highest_uids]",
        "needs a value that is not there: highest_uids; did you mean highest_uid",
    ),
    "another value": ("highest_uid", "highest_uid_of_all", "does not speak of the value highest_uid"),
}


def test_a_playbook_says_which_rules_it_serves_what_it_reads_and_what_it_may_change(tmp_path: Path) -> None:
    tasks = """\
    - {name: Both, ansible.builtin.debug: {tags: none}, tags: always}
    - {name: Two, ansible.builtin.debug: {msg: !unsafe "{{"}, tags: "one-rule, other-rule"}
"""
    found = read_playbook(BOOK, folder(tmp_path, SOUND + tasks))
    assert found.rules == {"linux-collector-privileged", "one-rule", "other-rule"}
    assert found.reads(["highest_uid", "highest", "known_distributions"]) == ["highest_uid"]
    assert found.touches == Touches(packages=False, accounts=False, files=("/etc/thing",))


def test_a_playbook_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RemediationError, match=r"playbook host/nowhere\.yml: it is not there"):
        read_playbook("host/nowhere.yml", folder(tmp_path, SOUND))


def test_any_change_of_any_playbook_is_another_digest(tmp_path: Path) -> None:
    where = folder(tmp_path, SOUND)
    found = {digest_of(where)}
    (where / BOOK).write_text(SOUND.replace("thing", "other"))
    found.add(digest_of(where))
    (where / BOOK).rename(where / "host" / "other.yml")
    found.add(digest_of(where))
    (where / "host" / "part.conf").touch()
    assert len({*found, digest_of(where)}) == 4
    (where / "README.md").touch()
    assert len({*found, digest_of(where)}) == 4


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
