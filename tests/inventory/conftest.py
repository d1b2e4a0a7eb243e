"""Inventories as real files: a dict of relative path -> text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from ansible.constants import DEFAULT_VAULT_IDENTITY
from ansible.parsing.vault import VaultLib, VaultSecret

Write = Callable[[Mapping[str, str]], str]
Encrypt = Callable[[str], str]

VAULT_PASSWORD = "correct horse"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files and return the path of the first one."""

    def write_files(files: Mapping[str, str]) -> str:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path / next(iter(files)))

    return write_files


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], str]:
    """Write an executable file and return its path."""

    def write_script(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    return write_script


@pytest.fixture(scope="session")
def encrypt() -> Encrypt:
    """Return the text encrypted by Ansible Vault with `VAULT_PASSWORD`."""
    secret = VaultSecret(VAULT_PASSWORD.encode())
    lib = VaultLib([(DEFAULT_VAULT_IDENTITY, secret)])

    def encrypted(text: str) -> str:
        return bytes(lib.encrypt(text, secret)).decode()

    return encrypted


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "vault-password"
    path.write_text(VAULT_PASSWORD + "\n")
    return str(path)


def vaulted(name: str, text: str) -> str:
    """Return a YAML line with an inline vault text."""
    return f"{name}: !vault |\n" + "".join(f"  {line}\n" for line in text.splitlines())
