"""Vaults are opened with a file or a program, only where a value is used, and say where they do not open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hardencheck.errors import CredentialError, InventoryError
from hardencheck.inventory import Credentials, load
from hardencheck.model.host import Secret
from tests.inventory.conftest import VAULT_PASSWORD, Encrypt, Write, vaulted

SENTINEL = "S3ntinel {{ not_a_template }}"


def test_an_inline_value_and_a_file_are_opened(write: Write, encrypt: Encrypt, password_file: str) -> None:
    path = write(
        {
            "hosts.ini": "[w]\nw1\n",
            "group_vars/w/plain.yml": vaulted("ansible_password", encrypt(SENTINEL))
            + "ansible_become: true\nansible_become_password: '{{ sudo_pw }}'\n",
            "group_vars/w/vault.yml": encrypt("sudo_pw: from-file\n"),
        }
    )
    (host,) = load([path], credentials=Credentials(password_file)).hosts

    assert host.password == Secret(SENTINEL)  # an encrypted text is never a template
    assert host.become is not None
    assert host.become.password == Secret("from-file")


def test_an_encrypted_inventory_is_opened(write: Write, encrypt: Encrypt, password_file: str) -> None:
    for name, text in (("h.yml", "w: {hosts: {w1: }}\n"), ("h.ini", "[w]\nw1\n")):
        path = write({name: encrypt(text)})
        assert [host.name for host in load([path], credentials=Credentials(password_file)).hosts] == ["w1"]


def test_the_password_may_come_from_a_program(
    write: Write, encrypt: Encrypt, script: Callable[[str, str], str]
) -> None:
    program = script("password", f"#!/bin/sh\necho '{VAULT_PASSWORD}'\n")
    path = write({"h.ini": "w1\n", "group_vars/all.yml": encrypt("ansible_password: x\n")})

    assert load([path], credentials=Credentials(program)).hosts[0].password == Secret("x")


def test_what_is_not_used_is_not_opened(write: Write, encrypt: Encrypt) -> None:
    path = write(
        {
            "hosts.ini": "[w]\nw1\n[other]\nw2\n",
            "group_vars/all.yml": vaulted("database_password", encrypt(SENTINEL)),
            "group_vars/other.yml": encrypt("ansible_password: x\n"),
            "host_vars/w1.yml": vaulted("ansible_become_password", encrypt("unused without become")),
        }
    )

    assert load([path], limit="w1").hosts[0].problem is None


@pytest.mark.parametrize("wrong", [True, False])
@pytest.mark.parametrize("kind", ["value", "template", "vars file", "inventory", "ini inventory"])
def test_a_vault_that_does_not_open_ends_the_run_and_names_the_file(
    write: Write, encrypt: Encrypt, kind: str, wrong: bool
) -> None:
    inline = vaulted("ansible_password", encrypt(SENTINEL))
    files, where = {
        "value": ({"h.ini": "w1\n", "group_vars/all.yml": "x: 1\n" + inline}, "group_vars/all.yml:2: host w1"),
        "template": (
            {"h.ini": "w1 ansible_user='{{ ansible_password }}'\n", "group_vars/all.yml": inline},
            "",  # 2.19 names the file of the vault text, older versions the host and variable only
        ),
        "vars file": ({"h.ini": "w1\n", "host_vars/w1.yml": encrypt("x: 1\n")}, "host_vars/w1.yml"),
        "inventory": ({"h.yml": encrypt("w: {hosts: {w1: }}\n")}, "h.yml"),
        "ini inventory": ({"h.ini": encrypt("w1\n")}, "h.ini"),
    }[kind]
    path = write({**files, "wrong": "S3ntinel-vault-password\n"})
    password = path.rpartition("/")[0] + "/wrong" if wrong else None

    with pytest.raises(InventoryError) as raised:
        load([path], credentials=Credentials(password))

    assert raised.value.exit_code == 78
    assert raised.value.reason == "vault"
    assert not where or f"{path.rpartition('/')[0]}/{where}" in raised.value.message
    assert kind != "template" or "host w1, variable ansible_user" in raised.value.message
    assert ("does not open it" if wrong else "no vault password was given") in raised.value.message
    assert "--vault-password-file" in str(raised.value.hint)
    assert "S3ntinel" not in f"{raised.value!r}{raised.value.hint}"


def test_a_damaged_vault_text_is_named_as_such(write: Write, encrypt: Encrypt, password_file: str) -> None:
    damaged = encrypt("ansible_password: x\n")[:-30] + "zz\n"
    path = write({"h.ini": "w1\n", "group_vars/all.yml": damaged})

    with pytest.raises(InventoryError, match=r"group_vars/all\.yml: the Ansible Vault text is damaged"):
        load([path], credentials=Credentials(password_file))


@pytest.mark.parametrize(
    ("name", "text", "mode", "said"),
    [
        ("none", None, 0, "was not found"),
        ("empty", "", 0o600, "cannot be used"),
        ("failing", "#!/bin/sh\necho S3ntinel >&2\nexit 1\n", 0o700, "non-zero"),
    ],
)
def test_a_password_file_that_cannot_be_used(
    write: Write, tmp_path: Path, name: str, text: str | None, mode: int, said: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
        path.chmod(mode)

    with pytest.raises(CredentialError, match=said) as raised:
        load([write({"h.ini": "w1\n"})], credentials=Credentials(str(path)))
    assert str(path) in raised.value.message
    assert "S3ntinel" not in raised.value.message


def test_secrets_show_in_no_repr(write: Write) -> None:
    path = write({"h.ini": "w1 ansible_password=S3ntinel ansible_become=1 ansible_become_pass=S3ntinel\n"})
    inventory = load([path], credentials=Credentials(ask_pass=Secret("S3ntinel")))

    assert "S3ntinel" not in f"{inventory!r}{Credentials(ask_pass=Secret('S3ntinel'))!r}"


@pytest.mark.parametrize(
    "line",
    [
        "ansible_password='{{ S3ntinel'",
        "ansible_password='{{ \"S3ntinel\" | nofilter }}'",
        "ansible_password='{{ \"S3ntinel\" ~ nothing }}'",
        'ansible_password=\'{{ lookup("pipe", "echo S3ntinel; exit 1") }}\'',
        "ansible_password='{{ {\"S3ntinel\": 1}.x }}'",
        "ansible_password='{\"S3ntinel\": 1}'",
        "ansible_become=1 ansible_become_password='{{ (\"S3ntinel\" | int(default=none)) + 1 }}'",
    ],
)
def test_a_failing_password_template_does_not_show_the_password(write: Write, line: str) -> None:
    inventory = load([write({"h.ini": f"w1 {line}\n"})])

    assert inventory.hosts[0].problem is not None
    assert "S3ntinel" not in repr(inventory)
