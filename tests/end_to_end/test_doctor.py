"""`doctor` names what would keep a host from a full sweep, and what to do about it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command, Done
from tests.lab.lab import Lab

#: host -> the step that fails, words of its message, words of its hint
EXPECTED = {
    "nosudo": ("privilege", "sudo refused", "NOPASSWD"),
    "noids": ("port", "port 22", "is the machine on"),
    "openfw": ("host key", "is not the pinned one", "hardencheck trust --replace"),
    "closed": ("port", "refused the connection", "is sshd running"),
    "nameless": ("dns", "nowhere.invalid has no address", "check ansible_host"),
    "stranger": ("authentication", "agent1", ""),
    "stray": ("dns", "ansible_port", "correct the host's variables"),
}


@pytest.fixture
def asked(lab: Lab, command: Command, tmp_path: Path) -> Done:
    """One run over a good host and one host of each kind of trouble."""
    good, nosudo, noids, openfw, nofw = lab.hosts("good", "nosudo", "noids", "openfw", "nofw")
    more = (
        f"closed ansible_host={nofw.address} ansible_port=2222\n"
        "nameless ansible_host=nowhere.invalid\n"
        f"stranger ansible_host={good.address} ansible_user=agent1\n"
        "stray ansible_port=ssh\n"
    )
    inventory = tmp_path / "mixed.ini"
    text = lab.inventory_of(good, nosudo, noids, openfw).read_text()
    inventory.write_text(text.replace("[linux]\n", f"[linux]\n{more}", 1))
    with lab.unplugged(noids), lab.changed_host_key(openfw):
        return command("doctor", "-i", inventory, "--deadline", 12, prefix=lab.exec_prefix)


def pages(text: str) -> dict[str, str]:
    """Return what is said of each host, on one line."""
    found: dict[str, str] = {}
    name = ""
    for line in text.partition("\n\n")[0].splitlines():
        if line.startswith(" "):
            found[name] = f"{found[name]} {line.strip()}".strip()
        else:
            name, _, found[name] = line.partition("  ")
    return found


def test_every_trouble_has_its_step_and_a_hint(asked: Done) -> None:
    assert asked.code == 2, asked.err
    told = pages(asked.out)
    assert told.pop("good") == "ready"
    assert set(told) == set(EXPECTED)
    for name, (step, message, hint) in EXPECTED.items():
        steps, _, advice = told[name].partition("-> ")
        assert steps.split("failed")[0].strip() == step, (name, told[name])
        assert message in steps, (name, told[name])
        assert hint in advice, (name, told[name])
        assert advice, f"{name}: what to do is said"
    assert "1 of 8 hosts are ready for a full sweep" in asked.out
    assert max(map(len, asked.out.splitlines())) <= 110


def test_one_good_host_is_shown_in_full(lab: Lab, command: Command) -> None:
    host = lab.host("good")
    done = command("doctor", "-i", lab.inventory_of(host), prefix=lab.exec_prefix)
    assert done.code == 0, done.out
    for step in ("dns", "port", "host key", "authentication", "privilege", "shell", "clock"):
        assert f"  {step:<15} ok" in done.out
    assert "1 of 1 hosts are ready" in done.out


def test_the_script_that_is_shown_is_the_one_that_runs(lab: Lab, command: Command) -> None:
    inventory = lab.inventory_of(lab.host("good"))
    for selection in ((), ("--rule", "linux-accounts-*", "--exclude", "password")):
        shown = command("doctor", "--show-script", *selection)
        assert shown.code == 0
        digest = hashlib.sha256(shown.out.encode()).hexdigest()
        asked = command("doctor", "-i", inventory, *selection, prefix=lab.exec_prefix)
        assert f"linux script sha256 {digest}\n" in asked.out
        swept = command("sweep", "-i", inventory, *selection, "--format", "json", prefix=lab.exec_prefix)
        assert swept.json["sweep"]["collector_digest"] == digest
