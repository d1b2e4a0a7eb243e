"""A sweep that ends half-way loses nothing: what was done is kept, the rest is done by `sweep --resume`."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Command
from tests.end_to_end.running import done_hosts, started, wait_for_hosts, words
from tests.lab.lab import Host, Lab

PROFILES = ("weakpw", "nofw", "uid0")
SELECT = ("--theme", "access", "--theme", "password")
HOSTS = 30


@pytest.fixture
def store(environment: dict[str, str]) -> Path:
    """Return where the command keeps its store."""
    return Path(environment["HARDENCHECK_STORE"])


@pytest.fixture
def pair(lab: Lab) -> list[Host]:
    """Return two hosts: one that answers, and one whose sshd a test may freeze."""
    return lab.fleet(2, "weakpw", "uid0")


@pytest.fixture
def inventory(lab: Lab, pair: list[Host], tmp_path: Path) -> Path:
    """Return an inventory of the two that a test may change; the second one belongs to a client."""
    path = tmp_path / "inventory" / "desks.ini"
    path.parent.mkdir()
    text = lab.inventory_of(*pair).read_text()
    path.write_text(text.replace(f"{pair[1].name} ", f"{pair[1].name} client=acme "))
    return path


@pytest.fixture
def interrupted(lab: Lab, pair: list[Host], inventory: Path, store: Path, environment: dict[str, str]) -> None:
    """A sweep that was interrupted when one host was done and the other hung."""
    line = words("sweep", "-i", inventory, *SELECT, prefix=lab.exec_prefix)
    with lab.frozen_sshd(pair[1]), started(line, environment) as process:
        wait_for_hosts(process, store, 1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert done_hosts(store) == 1


def outcomes(report: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (host["host"], result["rule_id"]): (result["outcome"], result["message"])
        for host in report["sweep"]["hosts"]
        for result in host["results"]
    }


def test_killed_in_the_middle_and_resumed(
    lab: Lab, command: Command, environment: dict[str, str], store: Path, tmp_path: Path
) -> None:
    hosts = lab.fleet(HOSTS, *PROFILES)
    inventory = lab.inventory_of(*hosts)
    sweep = ("sweep", "-i", inventory, *SELECT, "--workers", 3)
    with started(words(*sweep, prefix=lab.exec_prefix), environment) as process:
        wait_for_hosts(process, store, 5)
        process.kill()
    done = done_hosts(store)
    assert 5 <= done < len(hosts), "killed in the middle"

    half = command("report", "--format", "json")
    assert half.code & 2, "what was not looked at is incomplete"
    assert half.json["summary"]["coverage"]["pending"] == len(hosts) - done
    assert "not finished: hardencheck sweep --resume" in command("report").out

    resumed = command("sweep", "--resume", "--format", "json", prefix=lab.exec_prefix)
    whole = command(*sweep, "--format", "json", "--store", tmp_path / "other.db", prefix=lab.exec_prefix)
    assert resumed.code == whole.code == 1, resumed.err
    names = [host["host"] for host in resumed.json["sweep"]["hosts"]]
    assert names == [host["host"] for host in whole.json["sweep"]["hosts"]]
    assert len(names) == len(set(names)) == len(hosts)
    assert outcomes(resumed.json) == outcomes(whole.json)
    for host in half.json["sweep"]["hosts"]:
        if host["state"] != "pending":
            assert resumed.host(host["host"]) == host, "what was committed stays as it was"

    def findings(*options: object) -> list[list[str]]:
        lines = command("findings", *options).out.splitlines()[1:]
        return [[word for column, word in enumerate(line.split()) if column != 3] for line in lines]

    found = findings()
    assert found == findings("--store", tmp_path / "other.db")
    assert {line[-1] for line in found} == {"0"}, "nothing was reopened"
    assert len(found) == sum(outcome == "fail" for outcome, _ in outcomes(whole.json).values())
    assert command("rejudge", "--format", "json").out == resumed.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_sentence(
    lab: Lab, pair: list[Host], inventory: Path, store: Path, environment: dict[str, str], command: Command,
    number: signal.Signals,
) -> None:  # fmt: skip
    relative = inventory.relative_to(inventory.parent.parent)
    line = words("sweep", "-i", relative, *SELECT, prefix=lab.exec_prefix)
    with lab.frozen_sshd(pair[1]), started(line, environment, inventory.parent.parent) as process:
        wait_for_hosts(process, store, 1)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    assert "was interrupted; 1 of 2 hosts are done and kept\n  hardencheck sweep --resume finishes the rest\n" in err
    assert "Traceback" not in err

    done = command("sweep", "--resume", "--format", "json", prefix=lab.exec_prefix)
    assert done.json["summary"]["coverage"]["reached"] == 2, done.err

    again = command("sweep", "--resume", prefix=lab.exec_prefix)
    assert again.code == 64
    assert "is finished; there is nothing to resume" in again.err


def test_one_sweep_at_a_time(
    lab: Lab, pair: list[Host], inventory: Path, store: Path, environment: dict[str, str], command: Command
) -> None:
    line = words("sweep", "-i", inventory, *SELECT, prefix=lab.exec_prefix)
    with lab.frozen_sshd(pair[1]), started(line, environment) as process:
        wait_for_hosts(process, store, 1)
        sweep = command("report", "--format", "json").json["sweep"]["id"]
        for second in (("sweep", "-i", inventory), ("sweep", "--resume")):
            refused = command(*second, prefix=lab.exec_prefix)
            assert refused.code == 75
            assert refused.out == ""
            assert f"held by process {process.pid} (sweep {sweep})\n  try again when it has ended" in refused.err
        assert command("findings").code == 0, "reading goes on"
    assert len(command("sweeps").out.splitlines()) == 2, "one headline, one sweep"


def test_a_host_that_left_the_inventory_meanwhile(
    lab: Lab, pair: list[Host], inventory: Path, command: Command, interrupted: None
) -> None:
    gone = pair[1].name
    kept = [line for line in inventory.read_text().splitlines() if not line.startswith(f"{gone} ")]
    inventory.write_text("\n".join(kept) + "\n")
    done = command("sweep", "--resume", "--format", "json", prefix=lab.exec_prefix)
    assert done.code & 2, done.err
    assert done.json["sweep"]["finished"]
    host = done.host(gone)
    assert (host["state"], host["labels"]) == ("unreachable", {"client": "acme"})
    assert "no longer in the inventory" in host["message"]
    assert set(done.outcomes(gone).values()) == {"notchecked", "notselected"}, "no roster was given"


def test_options_cannot_change_what_was_begun(
    lab: Lab, pair: list[Host], inventory: Path, command: Command, tailoring: Path, interrupted: None
) -> None:
    resume = ("sweep", "--resume", "-i", inventory)
    for options, words_ in (
        (("--theme", "ssh"), "began with other rules or values"),
        ((*SELECT, "--tailoring", tailoring), "began with other rules or values"),
        (("-l", pair[0].name), f"did not begin with --limit {pair[0].name}"),
    ):
        refused = command(*resume, *options, prefix=lab.exec_prefix)
        assert refused.code == 64, refused.err
        assert words_ in refused.err
    same = command(*resume, *SELECT, "--format", "json", prefix=lab.exec_prefix)
    assert same.json["summary"]["coverage"]["reached"] == 2, same.err


def test_killed_between_the_last_host_and_the_end(
    lab: Lab, pair: list[Host], inventory: Path, store: Path, command: Command
) -> None:
    whole = command("sweep", "-i", inventory, *SELECT, "--format", "json", prefix=lab.exec_prefix)
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("UPDATE sweep SET finished = NULL")
        connection.execute("DELETE FROM chain")
        connection.commit()
    done = command("sweep", "--resume", "--format", "json")
    assert done.code == whole.code
    assert done.json["sweep"]["finished"]
    assert done.json["sweep"]["hosts"] == whole.json["sweep"]["hosts"]
