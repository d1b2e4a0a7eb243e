"""The words that choose rules and hosts mean the same in every command; a site's values change outcomes."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command, Done
from tests.lab.lab import Host, Lab

UID_ZERO = "linux-accounts-only-root-uid-zero"
SUDO = "linux-sudo-asks-for-password"
SELECTIONS = (
    ("--theme", "access"),
    ("--theme", "sudo", "--theme", "ssh"),
    ("--rule", "linux-s*", "--rule", UID_ZERO, "--theme", "sudo", "--theme", "access", "--exclude", "linux-su*"),
)


@pytest.fixture
def hosts(lab: Lab) -> list[Host]:
    return lab.hosts("bad", "listener", mode="lite")


def rules(done: Done) -> set[str]:
    """Return the rules of a JSON report."""
    return {result["rule_id"] for host in done.json["sweep"]["hosts"] for result in host["results"]}


def failing(done: Done) -> set[tuple[str, str]]:
    return {
        (host["host"], result["rule_id"])
        for host in done.json["sweep"]["hosts"]
        for result in host["results"]
        if result["outcome"] == "fail"
    }


def found(done: Done) -> set[tuple[str, str]]:
    """Return the (host, rule) pairs that `findings` lists."""
    return {tuple(line.split()[:2]) for line in done.out.splitlines()[1:]}  # type: ignore[misc]


def test_rules_are_chosen_alike_everywhere(lab: Lab, command: Command, hosts: list[Host], tmp_path: Path) -> None:
    inventory = lab.inventory_of(*hosts)
    whole = command("sweep", "-i", inventory, "--format", "json", prefix=lab.exec_prefix)
    for number, selection in enumerate(SELECTIONS):
        listed = command("baseline", "show", "bpo-core", *selection).out.split("\n\n")[1]
        listed_rules = (line.split()[2] for line in listed.splitlines()[1:])
        chosen = {rule for rule in listed_rules if rule.startswith("linux-")}  # the hosts' platform
        assert chosen
        assert chosen < rules(whole)

        report = command("report", *selection, "--format", "json")
        assert rules(report) == chosen
        assert found(command("findings", *selection)) == failing(report)
        rows = csv.DictReader(io.StringIO(command("report", *selection, "--format", "csv").out))
        assert {row["rule_id"] for row in rows} == chosen

        swept = command(
            "sweep", "-i", inventory, *selection, "--format", "json", "--store", tmp_path / f"{number}.db",
            prefix=lab.exec_prefix,
        )  # fmt: skip
        assert rules(swept) == chosen
        assert failing(swept) == failing(report)
        assert swept.code == report.code
        script = command("doctor", "--show-script", *selection).out
        assert swept.json["sweep"]["collector_digest"] == hashlib.sha256(script.encode()).hexdigest()


def test_findings_outlive_the_selection_of_a_sweep(lab: Lab, command: Command, hosts: list[Host]) -> None:
    sweep = ("sweep", "-i", lab.inventory_of(*hosts), "-q")
    command(*sweep, "--theme", "access", "--theme", "sudo", prefix=lab.exec_prefix)
    everything = found(command("findings"))
    command(*sweep, "--theme", "ssh", prefix=lab.exec_prefix)
    assert found(command("findings", "--theme", "access", "--theme", "sudo")) == everything
    assert {rule for _, rule in found(command("findings", "--exclude", "access", "--exclude", "ssh"))} == {SUDO}
    assert everything <= found(command("findings"))


def test_a_word_that_chooses_nothing_is_refused_everywhere(lab: Lab, command: Command, hosts: list[Host]) -> None:
    command("sweep", "-i", lab.inventory_of(hosts[0]), "--theme", "access", "-q", prefix=lab.exec_prefix)
    for line, word in (
        (("sweep", "-i", lab.inventory), "--rule"),
        (("report",), "--theme"),
        (("findings",), "--tag"),
        (("doctor", "--show-script"), "--exclude"),
        (("baseline", "show"), "--theme"),
    ):
        done = command(*line, word, "acess")
        assert (done.code, done.out) == (64, ""), line
        assert f"{word} acess: bpo-core has none; " in done.err


def test_hosts_are_chosen_alike(lab: Lab, command: Command, hosts: list[Host]) -> None:
    bad, listener = (host.name for host in hosts)
    inventory = lab.inventory_of(*hosts)
    for pattern, chosen in ((bad, {bad}), ("linux:!lite-bad", {listener})):
        swept = command(
            "sweep", "-i", inventory, "-l", pattern, "--theme", "access", "--format", "json", prefix=lab.exec_prefix
        )
        assert {host["host"] for host in swept.json["sweep"]["hosts"]} == chosen
        pinned = command("trust", "-i", inventory, "-l", pattern, "--from-file", lab.known_hosts)
        assert {line.partition(":")[0] for line in pinned.out.splitlines()} == chosen
        asked = command("doctor", "-i", inventory, "-l", pattern, "--theme", "access", prefix=lab.exec_prefix)
        assert "1 of 1 hosts are ready" in asked.out
    refused = command("sweep", "-i", inventory, "-l", "lite-bda", prefix=lab.exec_prefix)
    assert refused.code == 78
    assert "did you mean lite-bad?" in refused.err


def test_a_site_tailors_for_everyone_a_group_and_a_host(lab: Lab, command: Command, tmp_path: Path) -> None:
    plain, west, special = lab.fleet(3, "bad")
    inventory = tmp_path / "site.ini"
    text = lab.inventory_of(plain, west, special).read_text()
    inventory.write_text(f"{text}\n[west]\n{west.name}\n{special.name}\n")
    tailoring = tmp_path / "site.yaml"
    tailoring.write_text(
        f"""
values: {{passwordless_sudo_allowed: [svc_hc]}}
groups:
  west:
    values: {{passwordless_sudo_allowed: [helpdesk]}}
    deselect: {{{UID_ZERO}: west keeps toor until the move}}
hosts:
  {special.name}:
    values: {{passwordless_sudo_allowed: [helpdesk, svc_hc]}}
"""
    )
    done = command(
        "sweep", "-i", inventory, "--rule", SUDO, "--rule", UID_ZERO, "--tailoring", tailoring, "--format", "json",
        prefix=lab.exec_prefix,
    )  # fmt: skip
    assert done.code == 1, done.err
    expected = {
        plain.name: ("fail", ["svc_hc"], "helpdesk", "fail"),
        west.name: ("fail", ["helpdesk"], "svc_hc", "notselected"),
        special.name: ("pass", ["helpdesk", "svc_hc"], "", "notselected"),
    }
    for name, (outcome, allowed, offender, uid_zero) in expected.items():
        results = {result["rule_id"]: result for result in done.host(name)["results"]}
        assert results[SUDO]["outcome"] == outcome
        assert results[SUDO]["values"]["passwordless_sudo_allowed"] == allowed
        assert f"found {offender}" in results[SUDO]["message"]
        assert results[UID_ZERO]["outcome"] == uid_zero
    assert "west keeps toor" in command("host", "show", west.name).out
    again = command("rejudge", "--format", "json")
    assert (again.code, again.out) == (done.code, done.out), "the stored baseline holds the tailoring"
