"""What reading an inventory does to the process around it: run in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inventory.conftest import Write

READ = """
import os, sys
before = dict(os.environ)
from hardencheck.inventory import load
assert not [name for name in sys.modules if name.startswith("ansible")], "imported too early"
inventory = load([sys.argv[1]])
assert dict(os.environ) == before, "environment changed"
from ansible import constants
print("RESULT", constants.CONFIG_FILE, inventory.hosts[0].name)
"""


def run(code: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder that somebody else filled: ansible.cfg, variables and plugins that must not be read."""
    folder = tmp_path / "trap"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "plugins").mkdir()
    (folder / "ansible.cfg").write_text("[defaults]\nvars_plugins = ./plugins\ninventory_plugins = ./plugins\n")
    (folder / "plugins" / "evil.py").write_text("open('evil', 'w')\n")
    (folder / "group_vars" / "all.yml").write_text("ansible_host: evil\n")
    folder.chmod(0o755)
    return folder


def test_the_current_folder_is_not_trusted(write: Write, trap: Path, tmp_path: Path) -> None:
    result = run(READ, write({"inv/h.ini": "w1 ansible_become=1\n"}), cwd=trap, HOME=str(tmp_path))

    assert result.returncode == 0, result.stderr
    assert not (trap / "evil").exists()
    config = result.stdout.split()[1]
    assert config == "/etc/ansible/ansible.cfg" or config.endswith("hardencheck/inventory/ansible.cfg")


@pytest.mark.parametrize("value", ["", "/no/such/file.cfg"])
def test_a_useless_ansible_config_does_not_bring_the_current_folder_back(write: Write, trap: Path, value: str) -> None:
    result = run(READ, write({"inv/h.ini": "w1\n"}), cwd=trap, ANSIBLE_CONFIG=value)

    assert result.returncode == 0, result.stderr
    assert not result.stdout.split()[1].startswith(str(trap))


def test_the_users_own_configuration_is_kept(write: Write, trap: Path, tmp_path: Path) -> None:
    (tmp_path / "own.cfg").write_text("[defaults]\n")
    (tmp_path / ".ansible.cfg").write_text("[defaults]\n")
    path = write({"inv/h.ini": "w1\n"})

    named = run(READ, path, cwd=trap, ANSIBLE_CONFIG=str(tmp_path / "own.cfg"), HOME=str(tmp_path))
    home = run(READ, path, cwd=trap, HOME=str(tmp_path))

    assert named.stdout.split()[1] == str(tmp_path / "own.cfg"), named.stderr
    assert home.stdout.split()[1] == str(tmp_path / ".ansible.cfg"), home.stderr


def test_a_broken_configuration_is_an_inventory_error(write: Write, tmp_path: Path) -> None:
    (tmp_path / "own.cfg").write_text("[defaults\n")
    code = (
        "import sys\nfrom hardencheck.inventory import load\nfrom hardencheck.errors import InventoryError\n"
        "try: load([sys.argv[1]])\nexcept InventoryError as error: print(error)"
    )
    result = run(code, write({"h.ini": "w1\n"}), cwd=tmp_path, ANSIBLE_CONFIG=str(tmp_path / "own.cfg"))

    assert "own.cfg" in result.stdout
    assert "cannot be used" in result.stdout


def test_the_screen_stays_clean_and_the_home_folder_untouched(write: Write, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    path = write({"inv/h.yml": "we-b:\n  hosts: {w1: , we-b: }\n"})

    result = run(READ, path, cwd=tmp_path, HOME=str(home), ANSIBLE_FORCE_COLOR="1", ANSIBLE_VERBOSITY="4")

    assert result.returncode == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["RESULT"]
    assert result.stderr == ""
    assert list(home.iterdir()) == []


def test_localhost_needs_no_ansible(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom hardencheck.inventory import local_host\nprint(local_host().name, 'ansible' in sys.modules)"
    )

    assert run(code, cwd=tmp_path).stdout == "localhost False\n"
