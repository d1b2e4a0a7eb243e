"""Passwords leave the controller's memory on standard input and nowhere else; a wrong one costs one attempt."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible.constants import DEFAULT_VAULT_IDENTITY
from ansible.parsing.vault import VaultLib, VaultSecret

from hardencheck.storage import open_store
from tests.end_to_end.conftest import Command
from tests.end_to_end.running import on_terminal, words
from tests.lab.lab import Host, Lab

SSHD = "/etc/ssh/sshd_config.d/00-passwords.conf"
PWNED = "/tmp/hardencheck-pwned"
SELECT = ("--theme", "access", "--theme", "sudo")


def password() -> tuple[str, str]:
    """Return a password that would do harm if any shell read it as its own, and the part to look for."""
    token = secrets.token_hex(8)
    return f"""Aa1 {token}'"; touch {PWNED} #`touch {PWNED}`$(touch {PWNED})\\n%s*""", token


@dataclass
class Watch:
    """What a thread saw of all processes of this machine, those on the lab's hosts among them."""

    tokens: tuple[str, ...]
    leaks: set[str] = field(default_factory=set)
    sudo: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Look at the arguments and the environment of every process, again and again."""
        while not self._stop.is_set():
            for process in os.scandir("/proc"):
                if process.name.isdigit():
                    self._look_at(Path(process.path))

    def _look_at(self, process: Path) -> None:
        for name in ("cmdline", "environ"):
            try:
                text = (process / name).read_bytes()
            except OSError:  # it has ended
                return
            self.sudo += text.startswith(b"sudo\0")
            self.leaks.update(f"{name} of {text[:60]!r}" for token in self.tokens if token.encode() in text)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watch while the block runs."""
        thread = threading.Thread(target=self.look)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


@pytest.fixture
def desk(lab: Lab) -> Iterator[tuple[Host, str, str]]:
    """A host that asks svc_hc for its password, at login and for sudo; with the password and the token in it."""
    host, (secret, token) = lab.host("sudopw"), password()
    before = lab.run_in(host, "getent", "shadow", "svc_hc").stdout.split(":")[1]
    lab.run_in(host, "chpasswd", "-c", "YESCRYPT", stdin=f"svc_hc:{secret}\n")
    lab.run_in(host, "sh", "-c", f"cat >{SSHD}; systemctl reload ssh",
               stdin="Match User svc_hc\nPasswordAuthentication yes\n")  # fmt: skip
    try:
        yield host, secret, token
    finally:
        lab.run_in(host, "sh", "-c", f"rm {SSHD}; systemctl reload ssh; faillock --user svc_hc --reset")
        lab.run_in(host, "chpasswd", "-e", stdin=f"svc_hc:{before}\n")


@pytest.fixture
def server(lab: Lab) -> Iterator[tuple[Host, str, str]]:
    """A host where svc_hc logs in by key and sudo asks for its password."""
    host, (secret, token) = lab.hosts("sudopw", mode="lite")[0], password()
    before = lab.run_in(host, "getent", "shadow", "svc_hc").stdout.split(":")[1]
    lab.run_in(host, "chpasswd", "-c", "YESCRYPT", stdin=f"svc_hc:{secret}\n")
    try:
        yield host, secret, token
    finally:
        lab.run_in(host, "faillock", "--user", "svc_hc", "--reset")
        lab.run_in(host, "chpasswd", "-e", stdin=f"svc_hc:{before}\n")


def vaulted(secret: str, plain: str) -> str:
    """Return a YAML value encrypted by Ansible Vault."""
    key = VaultSecret(secret.encode())
    text = bytes(VaultLib([(DEFAULT_VAULT_IDENTITY, key)]).encrypt(plain, key)).decode()
    return "!vault |\n" + "".join(f"  {line}\n" for line in text.splitlines())


def write_inventory(folder: Path, lab: Lab, *hosts: Host) -> Path:
    """Write an inventory of these hosts in a folder of its own, without any credential."""
    folder.mkdir()
    path = folder / "hosts.ini"
    lines = [f"{host.name} ansible_host={host.address}" for host in hosts]
    common = (
        "[all:vars]\nansible_user=svc_hc\nansible_become=true\n"
        f"ansible_ssh_common_args=-o UserKnownHostsFile={lab.known_hosts}\n"
    )
    path.write_text("\n".join([*lines, common]))
    (folder / "host_vars").mkdir()
    return path


def stored(store: Path) -> bytes:
    """Return all content of a store: blobs are compressed, so that looking into the file is not enough."""
    with closing(sqlite3.connect(store)) as connection:
        digests = [row[0].hex() for row in connection.execute("SELECT digest FROM blob")]
    with open_store(store) as opened:
        return b"\n".join(opened.blobs(digests).values())


def files_with(tokens: tuple[str, ...], *folders: Path) -> list[str]:
    """Return the files below these folders that hold any of the tokens."""
    found = []
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            found += [str(path) for token in tokens if token.encode() in content]
    return found


def test_no_password_is_seen_outside_memory(
    lab: Lab, command: Command, environment: dict[str, str], tmp_path: Path, desk: tuple[Host, str, str],
    server: tuple[Host, str, str],
) -> None:  # fmt: skip
    vault = secrets.token_hex(8)
    tokens = (desk[2], server[2], vault)
    keys = tmp_path.parent / f"{tmp_path.name}-vault"
    inventory = write_inventory(tmp_path / "inventory", lab, desk[0], server[0])
    keys.write_text(vault)
    secret = vaulted(vault, desk[1])
    variables = tmp_path / "inventory" / "host_vars"
    (variables / f"{desk[0].name}.yml").write_text(f"ansible_password: {secret}ansible_become_password: {secret}")
    (variables / f"{server[0].name}.yml").write_text(f"ansible_ssh_private_key_file: {lab.key}\n")
    environment["TMPDIR"] = str(tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()

    watch = Watch(tokens)
    line = words(
        "sweep", "-i", inventory, "--vault-password-file", keys, "--ask-become-pass", *SELECT, prefix=lab.exec_prefix
    )
    with watch.on():
        done = on_terminal(line, environment, answers=[("sudo password: ", server[1])])
    assert "2 in scope: 2 reached" in done.screen, "every password was right"
    assert watch.sudo, "the watch was quick enough to see sudo itself"
    assert watch.leaks == set()

    store = Path(environment["HARDENCHECK_STORE"])
    said = [done.screen]
    for arguments in (("report", "--format", "json"), ("report", "--format", "csv"), ("host", "show", desk[0].name)):
        answer = command(*arguments)
        said += [answer.out, answer.err]
    said.append(stored(store).decode("utf-8", "replace"))
    assert not [token for token in tokens if token in "".join(said)]
    assert files_with(tokens, tmp_path) == []

    journal = lab.run_in(desk[0], "journalctl", "-q", "--all", "-o", "export").stdout
    assert "COMMAND=" in journal, "sudo writes what it runs"
    assert "Accepted password for svc_hc" in journal
    assert not [token for token in tokens if token in journal]
    for host in (desk[0], server[0]):
        assert files_with(tokens, host.upper, host.root / "run", host.root / "tmp") == []
        assert not (host.root / PWNED.lstrip("/")).exists(), "no password was read as a command"
    keys.unlink()


def test_a_wrong_sudo_password_is_one_attempt(
    lab: Lab, command: Command, tmp_path: Path, server: tuple[Host, str, str]
) -> None:
    host, (wrong, token) = server[0], password()
    inventory = write_inventory(tmp_path / "inventory", lab, host)
    (tmp_path / "vault").write_text("open sesame")
    variables = tmp_path / "inventory" / "host_vars" / f"{host.name}.yml"
    variables.write_text(
        f"ansible_ssh_private_key_file: {lab.key}\nansible_become_password: {vaulted('open sesame', wrong)}"
    )
    reach = ("-i", inventory, "--vault-password-file", tmp_path / "vault")
    done = command("sweep", *reach, *SELECT, "--format", "json", prefix=lab.exec_prefix)
    assert done.code in (2, 3), done.err
    found = done.host(host.name)
    assert (found["state"], found["reason"]) == ("partial", "no_privilege")
    assert "password" in found["message"]
    assert done.outcomes(host.name)["linux-sudo-asks-for-password"] == "unknown"
    assert done.outcomes(host.name)["linux-accounts-only-root-uid-zero"] == "pass"

    tally = lab.run_in(host, "faillock", "--user", "svc_hc").stdout
    assert sum(line.rstrip().endswith("V") for line in tally.splitlines()) == 1, tally
    assert not (host.root / PWNED.lstrip("/")).exists(), "no password was read as a command"
    assert token not in done.out + done.err
    assert files_with((token,), host.upper, host.root / "run", tmp_path) == []
