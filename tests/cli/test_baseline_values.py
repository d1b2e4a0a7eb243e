"""`baseline values`: the values as they hold for everyone or one host, in the form that Ansible reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader

from tests.cli.test_command_line import run

TAILORING = """\
values: {password_min_length: 16, approved_admins: ["{{ 7 * 7 }}"]}
groups: {kiosks: {values: {password_min_length: 20}}}
hosts: {kiosk1: {values: {password_history_min: 9}}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(TAILORING)
    (tmp_path / "hosts.ini").write_text("[kiosks]\nkiosk1\n[desks]\ndesk1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "length", "history"),
    [((), 16, 5), (("--host", "kiosk1"), 20, 9), (("--host", "desk1"), 16, 5)],
)
def test_the_values_are_those_that_hold_for_the_host(
    site: Path, words: tuple[str, ...], length: int, history: int
) -> None:
    inventory = ("-i", site / "hosts.ini") if words else ()
    done = run("baseline", "values", "--tailoring", site / "site.yaml", *inventory, *words, home=site)
    assert done.returncode == 0, done.stderr
    found = DataLoader().load(done.stdout)
    assert (found["password_min_length"], found["password_history_min"]) == (length, history)


def test_ansible_takes_no_value_for_a_template(site: Path) -> None:
    from ansible.template import Templar

    done = run("baseline", "values", "--tailoring", site / "site.yaml", home=site)
    (site / "values.yml").write_text(done.stdout)
    found = DataLoader().load_from_file(str(site / "values.yml"), trusted_as_template=True)
    assert Templar(DataLoader()).template(found["approved_admins"]) == ["{{ 7 * 7 }}"]


@pytest.mark.parametrize(
    ("words", "told"), [(("--host", "desk1"), "inventory"), (("--host", "nobody", "-i", "hosts.ini"), "no host nobody")]
)
def test_a_host_must_be_of_the_inventory(site: Path, words: tuple[str, ...], told: str) -> None:
    done = run("baseline", "values", *(site / word if word == "hosts.ini" else word for word in words), home=site)
    assert done.returncode == 64
    assert told in done.stderr
