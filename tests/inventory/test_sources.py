"""Sources that cannot be read: which file, which line, what was expected, what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hardencheck.errors import InventoryError
from hardencheck.inventory import load
from tests.inventory.conftest import Write

#: stands for a password; it must be in no message
SENTINEL = "S3ntinel-pw"


@pytest.mark.parametrize(
    ("files", "where", "said"),
    [
        ({"h.ini": f"[w]\n\nw1 ansible_password={SENTINEL} {SENTINEL}\n"}, "h.ini:3", "only key=value may follow"),
        ({"hosts": f"[w]\nw1 ansible_password={SENTINEL} {SENTINEL}\n"}, "hosts:2", "only key=value may follow"),
        ({"h.ini": f"[w:vars]\n{SENTINEL}\n[w]\n"}, "h.ini:2", "lines of key=value only"),
        ({"h.ini": "[w]\nw1\n[w eb]\n"}, "h.ini:3", "without spaces"),
        ({"h.ini": "[w:hostz]\n"}, "h.ini:1", "[group:children]"),
        ({"h.ini": f"[w]\nw1\n[z:vars]\na={SENTINEL}\n"}, "h.ini", "names a group that has no [group] section"),
        ({"h.ini": f"w1 ansible_password='{SENTINEL}\n"}, "h.ini:1", "a quote is not closed"),
        ({"h.yml": f"all:\n  hosts:\n    w1: {{ansible_password: {SENTINEL}: x\n"}, "h.yml:", "not valid YAML"),
        ({"h.yml": f"all:\n  vars: {{p: *{SENTINEL}}}\n"}, "h.yml:2", "found undefined alias"),
        ({"h.yml": "all:\n  hosts: [w1, w2]\n"}, "h.yml", 'Invalid "hosts" entry for "all" group'),
        ({"h.yml": "- w1\n"}, "h.yml", "it should be a dictionary"),
        ({"h.yml": ""}, "h.yml", "names no hosts"),
        ({"h.yml": "plugin: no.such.thing\n"}, "h.yml", "its `plugin` is not installed"),
        ({"h.yml": f"all:\n  host: {{w1: {SENTINEL}}}\n"}, "h.yml", "Skipping unexpected key (host) in group (all)"),
        ({"h.yml": f"w:\n  hosts: {{w1: {{a: {SENTINEL}}}}}\n  hosts: {{w2: }}\n"}, "h.yml", "duplicate"),
        ({"h.ini": "[a:children]\nb\n[b:children]\na\n"}, "h.ini:4", "a group is its own child"),
        ({"h.ini": "w1\n", "group_vars/all.yml": f"p: {SENTINEL}: 1\n"}, "group_vars/all.yml:1", "not valid YAML"),
        ({"h.ini": "w1\n", "group_vars/all.yml": f"- {SENTINEL}\n"}, "group_vars/all.yml", ""),
        ({"h.ini": "w1\n", "group_vars": "not a folder"}, "h.ini", "not a directory"),
        ({"h.ini": "w1\n", "host_vars/w1.yml": f"a: {SENTINEL}\na: 2\n"}, "host_vars/w1.yml", "duplicate"),
    ],
)
def test_a_file_that_ansible_would_only_warn_about_ends_the_run(
    write: Write, files: Mapping[str, str], where: str, said: str
) -> None:
    path = write(files)
    with pytest.raises(InventoryError) as raised:
        load([path])

    assert raised.value.exit_code == 78
    assert f"{os.path.dirname(path)}/{where}" in raised.value.message
    assert said in raised.value.message
    assert raised.value.hint
    assert SENTINEL not in f"{raised.value}{raised.value!r}{raised.value.hint}"


def test_one_bad_file_in_a_folder_is_not_passed_over(write: Write) -> None:
    path = write({"inv/a": "w1\n", "inv/b": "w2 oops\n"})

    with pytest.raises(InventoryError, match=r"inv/b:1: only key=value"):
        load([os.path.dirname(path)])


def test_a_folder_is_read_with_its_group_vars(write: Write) -> None:
    path = write(
        {
            "inv/a": "[w]\nw1\n",
            "inv/b.yml": "w: {hosts: {w2: }}\n",
            "inv/group_vars/w.yml": "client: acme\n",
            "inv/notes.md": "not an inventory\n",
        }
    )

    assert [(host.name, host.client) for host in load([os.path.dirname(path)]).hosts] == [
        ("w1", "acme"),
        ("w2", "acme"),
    ]


def test_several_sources_are_merged_in_their_order(write: Write) -> None:
    first = write({"a.ini": "[w]\nw1 client=first owner=first\n", "b.ini": "[v]\nw1 client=second\n"})
    second = first.replace("a.ini", "b.ini")

    (host,) = load([first, second]).hosts
    assert (host.client, host.owner) == ("second", "first")
    assert [host.name for host in load([first, "w9,"]).hosts] == ["w9", "w1"]  # ungrouped first


@pytest.mark.parametrize("files", [{"inv/group_vars/all.yml": "a: 1\n"}, {"inv/.keep": ""}])
def test_a_folder_without_an_inventory(write: Write, files: Mapping[str, str]) -> None:
    path = write(files)
    folder = path[: path.index("/inv") + 4]

    with pytest.raises(InventoryError, match="holds no inventory file"):
        load([folder])


def test_a_missing_file_says_so_and_how_to_name_a_host(write: Write) -> None:
    with pytest.raises(InventoryError, match=r"'nowhere\.ini': no such inventory file") as raised:
        load(["nowhere.ini"])

    assert "-i web1.example.com," in str(raised.value.hint)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[empty]\n"])
def test_an_inventory_without_hosts_is_an_error(write: Write, text: str) -> None:
    with pytest.raises(InventoryError, match="names no hosts"):
        load([write({"h.ini": text})])


@pytest.mark.parametrize("name", ["web\x1b1", "web\x00", "web\u202e1", "w\x85eb"])
def test_control_characters_in_a_host_name_are_refused(write: Write, name: str) -> None:
    path = write({"h.json": json.dumps({"all": {"hosts": {name: None}}})})

    with pytest.raises(InventoryError, match="holds control characters") as raised:
        load([path])
    assert raised.value.message.isprintable()


def test_a_script_is_run_and_its_words_on_standard_error_are_a_warning(script: Callable[[str, str], str]) -> None:
    path = script(
        "inv.sh",
        "#!/bin/sh\necho 'Skipping a stale \033[31mcache' >&2\n"
        """echo '{"w": {"hosts": ["w1"]}, "_meta": {"hostvars": {"w1": {"ansible_port": 23, "client": "acme"}}}}'\n""",
    )
    inventory = load([path])

    assert [(host.name, host.port, host.client, host.groups) for host in inventory.hosts] == [
        ("w1", 23, "acme", ("all", "w"))
    ]
    assert inventory.warnings == (r"Ansible: Skipping a stale \x1b[31mcache",)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo first >&2; printf 'API \\033[2Jtoken expired\\n' >&2; exit 3", r"API \x1b[2Jtoken expired"),
        ("exit 3", "Inventory script"),
        ("false", "inventory script failed"),  # read as INI, this is a host of the name `false`
        ("echo not json", "Expecting value: line 1"),
        ("echo '[1]'", "inventory script failed"),
    ],
)
def test_a_failing_script_ends_the_run(script: Callable[[str, str], str], body: str, said: str) -> None:
    path = script("inv", f"#!/bin/sh\n{body}\n")
    with pytest.raises(InventoryError, match="the inventory script failed") as raised:
        load([path])

    assert said in raised.value.message
    assert raised.value.message.isprintable()
    assert f"{path} --list" in str(raised.value.hint)


def test_an_ini_file_that_a_mount_made_executable_is_still_ini(script: Callable[[str, str], str]) -> None:
    assert [host.name for host in load([script("hosts.ini", "[w]\nw1\n")]).hosts] == ["w1"]


@pytest.mark.parametrize("source", ["", " "])
def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\ntouch was-run\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InventoryError, match="is empty"):
        load([source])
    assert not (tmp_path / "was-run").exists()
